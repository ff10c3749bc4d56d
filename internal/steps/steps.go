package steps

// Step is one step.
type Step string

// Steps of a sentinel.
const (
	StoreFences   Step = "fences are about to be stored"
	Fenced        Step = "a fence is stored"
	Propose       Step = "a decision is about to be proposed"
	Decided       Step = "a decision is agreed on"
	Appended      Step = "it is agreed on that a learner is appended" // after Decided
	TellNode      Step = "a node is about to be told"
	HandoverAsked Step = "a handover was asked for"
	Candidate     Step = "a sentinel wants to be elected"
	Elected       Step = "a sentinel is elected"
)

// Steps of a node.
const (
	Resumed         Step = "a follower goes on where its log ended"
	Copying         Step = "a full copy begins to arrive"
	Copied          Step = "a follower got a full copy"
	FollowerGone    Step = "the link to a follower has ended"
	PredecessorGone Step = "the link to the predecessor has ended"
	DropEnd         Step = "the end of the log is about to be dropped"
	LogLoaded       Step = "the log is loaded from disk"
	Ready           Step = "a node takes connections"
)

// AdoptedAs is the step of a node that has adopted an epoch in which it has this role.
func AdoptedAs(role string) Step { return Step("an epoch is adopted as " + role) }

// All are the steps that there are.
func All() []Step {
	return []Step{
		StoreFences, Fenced, Propose, Decided, Appended, TellNode, HandoverAsked, Candidate, Elected,
		AdoptedAs("master"), AdoptedAs("slave"), AdoptedAs("learner"), Resumed, Copying, Copied, FollowerGone,
		PredecessorGone, DropEnd, LogLoaded, Ready,
	}
}

// Observer is told of each step, in the midst of what the process is doing. It must not wait.
type Observer func(Step)

// At announces a step. Where nobody listens (nil) it does nothing.
func (o Observer) At(s Step) {
	if o != nil {
		o(s)
	}
}
