<?php
// SPDX-License-Identifier: MIT
// A guest book, served by php -S localhost:8601. The entries live in the file that GUESTBOOK names.
declare(strict_types=1);

$file = getenv('GUESTBOOK');
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$respond = function (int $status, mixed $body): void {
    http_response_code($status);
    header('Content-Type: application/json');
    echo json_encode($body);
};

if ($path === '/health') {
    $port = (int) $_SERVER['SERVER_PORT'];
    $respond(200, ['book' => $file, 'port' => $port, 'host' => $_SERVER['HTTP_HOST']]);
} elseif ($path === '/slow') {
    usleep(700_000);
    $respond(200, 'done');
} elseif ($path === '/entries' && $_SERVER['REQUEST_METHOD'] === 'POST') {
    $entry = json_decode(file_get_contents('php://input'), true);
    if (empty($entry['name'])) {
        $respond(422, ['error' => 'name is missing']);
    } else {
        file_put_contents($file, $entry['name'] . "\n", FILE_APPEND | LOCK_EX);
        $respond(201, $entry + ['from' => $_SERVER['REMOTE_ADDR']]);
    }
} elseif ($path === '/entries') {
    $respond(200, is_file($file) ? file($file, FILE_IGNORE_NEW_LINES) : []);
} else {
    $respond(404, ['error' => 'not found']);
}
