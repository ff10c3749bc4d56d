package rdb

import (
	"encoding/binary"
	"math"
	"strconv"
)

// A sorted set is its members with their scores, or, packed, a listpack of them in order.
var zsetLayouts = map[int]layout{
	TypeZSet:         {as: TypeZSet, read: (*Reader).count, element: (*Reader).scored, write: (*Writer).scored},
	typeZSet1:        {as: TypeZSet, read: (*Reader).count, element: (*Reader).scoredInText},
	TypeZSetListpack: {as: TypeZSetListpack, read: checked(checkScores), write: (*Writer).run},
	typeZSetZiplist:  {as: TypeZSetListpack, read: converted(ziplistToListpack, checkScores)},
}

func checkScores(r *Reader, lp []byte) error { return r.names.checkScores(lp) }

func (r *Reader) scored() (el Element, err error) {
	if el, err = r.member(); err == nil {
		el.Score, err = r.score()
	}
	return el, err
}

func (r *Reader) scoredInText() (el Element, err error) {
	if el, err = r.member(); err == nil {
		el.Score, err = r.scoreText()
	}
	return el, err
}

func (r *Reader) score() (float64, error) {
	at := r.Offset()
	if err := r.full(r.small[:8]); err != nil {
		return 0, err
	}
	score := math.Float64frombits(binary.LittleEndian.Uint64(r.small[:]))
	if math.IsNaN(score) {
		return 0, &DamageError{Offset: at, Reason: errNaN}
	}
	return score, nil
}

// What stands in the place of the length of a score in text.
const (
	scoreNaN    = 253
	scorePosInf = 254
	scoreNegInf = 255
)

func (r *Reader) scoreText() (float64, error) {
	at := r.Offset()
	n, err := r.byte()
	if err != nil {
		return 0, err
	}
	switch n {
	case scorePosInf:
		return math.Inf(1), nil
	case scoreNegInf:
		return math.Inf(-1), nil
	case scoreNaN:
		return 0, &DamageError{Offset: at, Reason: errNaN}
	}
	var text [scoreNaN]byte
	if err := r.full(text[:n]); err != nil {
		return 0, err
	}
	score, err := strconv.ParseFloat(string(text[:n]), 64)
	if err != nil || math.IsNaN(score) {
		return 0, r.damaged(at, "the score %q is no number", text[:n])
	}
	return score, nil
}

func (w *Writer) scored(e Entry) {
	w.length(uint64(e.Len))
	w.each(e, func(el Element) {
		w.string(el.Name)
		w.buf = binary.LittleEndian.AppendUint64(w.buf, math.Float64bits(el.Score))
	})
}
