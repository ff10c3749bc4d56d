<?php
// Counts in a session of PHP's that is locked while it is used, as the requests of one user would. php_sessions.php HOST PORT TIMES
ini_set('session.save_handler', 'redis');
ini_set('session.save_path', "tcp://{$argv[1]}:{$argv[2]}?database=3");
ini_set('session.use_cookies', '0');
ini_set('session.use_only_cookies', '0');
ini_set('session.cache_limiter', '');
ini_set('redis.session.locking_enabled', '1');
ini_set('redis.session.lock_wait_time', '1000');
ini_set('redis.session.lock_retries', '-1');
for ($i = 0; $i < $argv[3]; $i++) {
    session_id('oneuser');
    if (!session_start()) {
        echo "not started\n";
        continue;
    }
    $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;
    $n = $_SESSION['n'];
    echo session_write_close() ? "counted $n\n" : "not written\n";
}
