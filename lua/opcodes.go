package lua

// instruction is one step of the register machine: the operation in bits 0 to 7, register a in 8 to 15, b in 16 to 31
// and c in 32 to 47; bx and sbx are b and c together. In operands that may be constants, the bit constant says so.
type instruction uint64

type opcode uint8

const (
	constant = 1 << 15
	maxIndex = 255 // the largest index of a constant that an operand holds
	maxBx    = 1<<18 - 1
	maxSBx   = maxBx >> 1
	noReg    = 255
	noJump   = -1
)

// What the operations do: R are registers, K constants, RK either, U upvalues, G the function's globals.
const (
	opMove      opcode = iota // R(a) = R(b)
	opLoadK                   // R(a) = K(bx)
	opLoadBool                // R(a) = b; if c: pc++
	opLoadNil                 // R(a..b) = nil
	opGetUpval                // R(a) = U(b)
	opGetGlobal               // R(a) = G[K(bx)]
	opGetTable                // R(a) = R(b)[RK(c)]
	opSetGlobal               // G[K(bx)] = R(a)
	opSetUpval                // U(b) = R(a)
	opSetTable                // R(a)[RK(b)] = RK(c)
	opNewTable                // R(a) = {}, with sizes b and c
	opSelf                    // R(a+1) = R(b); R(a) = R(b)[RK(c)]
	opAdd                     // R(a) = RK(b) + RK(c)
	opSub
	opMul
	opDiv
	opMod
	opPow
	opUnm      // R(a) = -R(b)
	opNot      // R(a) = not R(b)
	opLen      // R(a) = #R(b)
	opConcat   // R(a) = R(b) .. … .. R(c)
	opJmp      // pc += sbx
	opEq       // if (RK(b) == RK(c)) ~= a: pc++; a jump follows
	opLt       // if (RK(b) < RK(c)) ~= a: pc++
	opLe       // if (RK(b) <= RK(c)) ~= a: pc++
	opTest     // if not (R(a) <=> c): pc++
	opTestSet  // if R(b) <=> c: R(a) = R(b), else pc++
	opCall     // R(a), … = R(a)(R(a+1), …): b-1 arguments, c-1 results
	opTailCall // return R(a)(R(a+1), …)
	opReturn   // return R(a), …: b-1 values
	opForLoop  // R(a) += R(a+2); if it is within R(a+1): pc += sbx, R(a+3) = R(a)
	opForPrep  // R(a) -= R(a+2); pc += sbx
	opTForLoop // R(a+3), … = R(a)(R(a+1), R(a+2)); if R(a+3) ~= nil: R(a+2) = R(a+3), else pc++
	opSetList  // R(a)[(c-1)*50+i] = R(a+i), i = 1..b
	opClose    // close all variables from R(a) on
	opClosure  // R(a) = closure of P(bx); a pseudo-instruction for each upvalue follows
	opVararg   // R(a), … = …, b-1 of them

	// What specialise makes of the above.
	opGetField  // R(a) = R(b)[K(c)], a string
	opSetField  // R(a)[K(b)] = R(c), a string
	opSelfField // as opSelf, with the string K(c)
	opAddRR
	opAddRK
	opSubRR
	opSubRK
	opMulRR
	opMulRK
	opDivRR
	opDivRK
	opModRK
	opEqRK
	opLtRR
	opLtRK
	opLtKR
	opLeRR
	opLeRK
	opLeKR

	opCount
)

const (
	setsA = 1 << iota // changes R(a)
	tests             // a jump follows
)

// opInfo says what an operation does to the flow and to its register.
var opInfo = func() (info [opCount]uint8) {
	for _, op := range []opcode{opMove, opLoadK, opLoadBool, opLoadNil, opGetUpval, opGetGlobal, opGetTable, opNewTable,
		opSelf, opAdd, opSub, opMul, opDiv, opMod, opPow, opUnm, opNot, opLen, opConcat, opTest, opTestSet, opCall,
		opTailCall,
		opForLoop, opForPrep, opClosure, opVararg, opGetField, opSelfField, opAddRR, opAddRK, opSubRR, opSubRK,
		opMulRR, opMulRK, opDivRR, opDivRK, opModRK} {
		info[op] |= setsA
	}
	for _, op := range []opcode{opEq, opLt, opLe, opTest, opTestSet, opTForLoop, opEqRK, opLtRR, opLtRK, opLtKR, opLeRR,
		opLeRK, opLeKR} {
		info[op] |= tests
	}
	return info
}()

func makeABC(op opcode, a, b, c int) instruction {
	return instruction(op) | instruction(uint8(a))<<8 | instruction(uint16(b))<<16 | instruction(uint16(c))<<32
}

func makeABx(op opcode, a, bx int) instruction {
	return instruction(op) | instruction(uint8(a))<<8 | instruction(uint32(bx))<<16
}

func (i instruction) op() opcode { return opcode(i) }
func (i instruction) a() int     { return int(uint8(i >> 8)) }
func (i instruction) b() int     { return int(uint16(i >> 16)) }
func (i instruction) c() int     { return int(uint16(i >> 32)) }
func (i instruction) bx() int    { return int(uint32(i >> 16)) }
func (i instruction) sbx() int   { return int(int32(i >> 16)) }

func (i *instruction) setOp(op opcode) { *i = *i&^0xff | instruction(op) }
func (i *instruction) setA(a int)      { *i = *i&^0xff00 | instruction(uint8(a))<<8 }
func (i *instruction) setB(b int)      { *i = *i&^0xffff0000 | instruction(uint16(b))<<16 }
func (i *instruction) setC(c int)      { *i = *i&^0xffff00000000 | instruction(uint16(c))<<32 }
func (i *instruction) setSBx(s int)    { *i = *i&^0xffffffff0000 | instruction(uint32(int32(s)))<<16 }

// Proto is a compiled function. It never changes, so states may share it.
type Proto struct {
	code      []instruction
	k         []Value
	kHash     []uint32 // of the strings in k
	protos    []*Proto
	lines     []int32
	locals    []localInfo
	upNames   []string
	source    string
	line      int // where the definition begins; 0 is a main chunk
	lastLine  int
	params    int
	vararg    uint8
	stackSize int
	owned     bool // compiled by a script: its memory is the state's
}

// memory is about how many bytes the function takes, without those in it.
func (p *Proto) memory() int64 {
	n := int64(len(p.code))*12 + int64(len(p.k))*20 + int64(len(p.locals))*24 + int64(len(p.upNames))*16 + 256
	for i := range p.k {
		if p.k[i].isStr() {
			n += int64(p.k[i].strLen())
		}
	}
	return n
}

type localInfo struct {
	name       string
	start, end int32 // the instructions between which it is alive
}

// Bits of Proto.vararg: an old-style function without "…" in its body gets the table arg.
const (
	hasArg = 1 << iota
	isVararg
	needsArg
)

func (p *Proto) lineOf(pc int) int {
	if pc < 0 || pc >= len(p.lines) {
		return -1
	}
	return int(p.lines[pc])
}

// specialise replaces operations by ones that know what their operands are. It runs last, on finished code.
func (p *Proto) specialise() {
	for at := 0; at < len(p.code); at++ {
		i := &p.code[at]
		b, c := i.b(), i.c()
		switch op := i.op(); op {
		case opGetTable, opSelf:
			if c&constant != 0 && p.k[c&^constant].isStr() {
				i.setC(c &^ constant)
				i.setOp(stringKey[op])
			}
		case opSetTable:
			if b&constant != 0 && p.k[b&^constant].isStr() && c&constant == 0 {
				i.setB(b &^ constant)
				i.setOp(opSetField)
			}
		case opAdd, opSub, opMul, opDiv, opMod, opEq, opLt, opLe:
			p.specialiseOperands(i, op, b, c)
		case opSetList:
			if c == 0 {
				at++
			}
		}
	}
}

func (p *Proto) specialiseOperands(i *instruction, op opcode, b, c int) {
	numK := func(x int) bool { return x&constant != 0 && p.k[x&^constant].isNum() }
	switch {
	case b&constant == 0 && c&constant == 0:
		if to := bothRegisters[op]; to != 0 {
			i.setOp(to)
		}
	case b&constant == 0 && op == opEq && !(p.k[c&^constant].isStr() && p.k[c&^constant].strLen() > longText):
		i.setC(c &^ constant)
		i.setOp(opEqRK)
	case b&constant == 0 && numK(c):
		i.setC(c &^ constant)
		i.setOp(registerConstant[op])
	case c&constant == 0 && numK(b) && constantRegister[op] != 0:
		i.setB(b &^ constant)
		i.setOp(constantRegister[op])
	}
}

var stringKey = [opCount]opcode{opGetTable: opGetField, opSelf: opSelfField}

var bothRegisters = [opCount]opcode{opAdd: opAddRR, opSub: opSubRR, opMul: opMulRR, opDiv: opDivRR, opLt: opLtRR,
	opLe: opLeRR}

var registerConstant = [opCount]opcode{opAdd: opAddRK, opSub: opSubRK, opMul: opMulRK, opDiv: opDivRK, opMod: opModRK,
	opLt: opLtRK, opLe: opLeRK}

var constantRegister = [opCount]opcode{opLt: opLtKR, opLe: opLeKR}
