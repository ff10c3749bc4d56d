# Sidekiq's jobs. Each run adds a line to the file that RAN names. While the file HOLD is there, nobody looks for jobs that have become due.
require "sidekiq"

servers = ENV.fetch("SENTINELS").split(",").map { |a| a.split(":") }.map { |host, port| {host: host, port: port.to_i} }
redis = {url: "redis://mymaster/0", sentinels: servers, role: :master}
Sidekiq.configure_client { |c| c.redis = redis }
Sidekiq.configure_server do |c|
  c.redis = redis
  c.on(:startup) { warn "the worker is ready" }
end
Redis.silence_deprecations = true # what this Sidekiq does with its redis-rb

class Due < Sidekiq::Scheduled::Enq
  def enqueue_jobs(*sets)
    super unless File.exist?(ENV.fetch("HOLD"))
  end
end if defined?(Sidekiq::Scheduled)

Sidekiq.options[:poll_interval_average] = 0.5
Sidekiq.options[:scheduled_enq] = Due if defined?(Due)

def ran(word)
  File.open(ENV.fetch("RAN"), "a") { |f| f.syswrite("#{word}\n") }
end

class Note
  include Sidekiq::Worker
  def perform(n)
    ran(n)
  end
end

class Flaky
  include Sidekiq::Worker
  sidekiq_options retry: 2
  sidekiq_retry_in { 1 }
  def perform(n)
    count = Sidekiq.redis { |r| r.incr("tries:#{n}") }
    if count == 1
      ran("failed #{n}")
      raise "the first try fails"
    end
    ran(n)
  end
end
