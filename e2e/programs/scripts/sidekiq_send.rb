# Pushes jobs as its input says, a line each: "now N", "in N", "flaky N" pushes N of them; "on" goes on with jobs for later until the input ends.
# It prints a line for each job: whether it was pushed.
require "./sidekiq_jobs"

$n = 0
def push
  id = yield $n
  puts(id ? "sent #{$n}" : "failed #{$n} without an id")
rescue => e
  puts "failed #{$n} #{e.class} #{e.message}"
ensure
  $stdout.flush
  $n += 1
end

while (line = $stdin.gets)
  what, count = line.split
  case what
  when "now" then count.to_i.times { push { |n| Note.perform_async(n) } }
  when "in" then count.to_i.times { push { |n| Note.perform_in(1, n) } }
  when "flaky" then count.to_i.times { push { |n| Flaky.perform_async(n) } }
  when "on"
    until $stdin.wait_readable(0.01)
      push { |n| Note.perform_in(1, n) }
    end
  end
end
