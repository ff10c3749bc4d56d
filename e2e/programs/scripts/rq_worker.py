"""A worker of rq, with a process for each job, as rq's command starts it."""
from rq import Queue, Worker

from again import client

Worker([Queue(connection=client)], connection=client).work()
