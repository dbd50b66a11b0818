<?php
// SPDX-License-Identifier: MIT
// Tests of the guest book.
declare(strict_types=1);

const BASE = 'http://localhost:8601';

function call(string $method, string $path, ?array $body = null): array
{
    $options = ['method' => $method, 'ignore_errors' => true, 'timeout' => 60];
    $options['header'] = 'Content-Type: application/json';
    if ($body !== null) {
        $options['content'] = json_encode($body);
    }
    $text = @file_get_contents(BASE . $path, false, stream_context_create(['http' => $options]));
    if ($text === false) {
        return [0, null];
    }
    return [(int) explode(' ', $http_response_header[0])[1], json_decode($text, true)];
}

function startServer(string $book): mixed
{
    $command = [PHP_BINARY, '-S', 'localhost:8601', __DIR__ . '/guestbook.php'];
    $log = ['file', "$book.log", 'w'];
    $files = [['file', '/dev/null', 'r'], $log, $log];
    $server = proc_open($command, $files, $pipes, null, ['GUESTBOOK' => $book] + getenv());
    for ($deadline = time() + 60; time() < $deadline; usleep(50_000)) {
        if (!proc_get_status($server)['running']) {
            fwrite(STDERR, file_get_contents("$book.log"));
            exit(1);
        }
        if ($probe = @stream_socket_client('tcp://localhost:8601', $code, $text, 1)) {
            fclose($probe);
            return $server;
        }
    }
    fwrite(STDERR, "the server does not answer\n");
    exit(1);
}

function peerName(): string
{
    $socket = stream_socket_client('tcp://localhost:8601', $code, $text, 60);
    $name = stream_socket_get_name($socket, true);
    fclose($socket);
    return $name;
}

function bindError(): string
{
    $socket = socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
    $done = @socket_bind($socket, '127.0.0.1', 8601);
    return $done ? 'no error' : socket_strerror(socket_last_error($socket));
}

function checks(string $book): array
{
    $health = ['book' => $book, 'port' => 8601, 'host' => 'localhost:8601'];
    $entry = ['name' => 'Ada', 'from' => '127.0.0.1'];
    return [
        'the server is ours' => [[200, $health], fn () => call('GET', '/health')],
        'the book is empty' => [[200, []], fn () => call('GET', '/entries')],
        'a guest signs' => [[201, $entry], fn () => call('POST', '/entries', ['name' => 'Ada'])],
        'a name is needed' => [[422, ['error' => 'name is missing']], fn () => call('POST', '/entries', [])],
        'the book remembers' => [[200, ['Ada']], fn () => call('GET', '/entries')],
        'an unknown page' => [[404, ['error' => 'not found']], fn () => call('GET', '/nothing')],
        'a slow answer arrives' => [[200, 'done'], fn () => call('GET', '/slow')],
        'a socket names its peer' => ['127.0.0.1:8601', peerName(...)],
        'the port is taken' => ['Address already in use', bindError(...)],
    ];
}

$book = tempnam(sys_get_temp_dir(), 'guestbook');
unlink($book);
register_shutdown_function(fn () => array_map(unlink(...), glob("$book*")));
$server = startServer($book);
$failed = 0;
foreach (checks($book) as $name => [$want, $actual]) {
    $got = $actual();
    $failed += $got !== $want;
    $difference = 'want ' . json_encode($want) . ', got ' . json_encode($got);
    echo $got === $want ? "pass: $name\n" : "FAIL: $name: $difference\n";
}
proc_terminate($server, SIGKILL);
proc_close($server);
exit($failed ? 1 : 0);
