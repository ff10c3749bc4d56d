// Package pubsub knows who listens to what: channels, patterns over channels, and shard channels, which patterns do not
// reach.
//
// A message goes one way: Publish finds the subscribers, has each append the message to its own replies
// (Subscriber.Push), and answers who they are, so that whoever executes the command can have their connections
// flushed once the execution is over. Nothing is queued here, nothing waits, and there is no I/O: a slow subscriber's
// output is bounded where it is held, at its session.
//
// A Hub is guarded by the lock under which commands run. Both sides of a subscription (the channel's list and the
// subscriber's set) change together: a channel that nobody listens to is forgotten, and so is a subscriber that listens
// to nothing. Subscribers are served in the order in which they subscribed.
//
// It may import resp, for how a message looks on the wire. Everything is in hub.go.
package pubsub
