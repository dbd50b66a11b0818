// SPDX-License-Identifier: MIT
import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.BindException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;

/** A ferry office: HTTP and datagrams on port 8301, a line protocol on 8302, and the tests of all three. */
public class Suite {
    static final int OFFICE = 8301;
    static final int TICKER = 8302;
    static final InetSocketAddress OFFICE_ADDRESS = new InetSocketAddress("127.0.0.1", OFFICE);

    static void answer(HttpExchange exchange, int status, String text) throws IOException {
        byte[] body = text.getBytes(UTF_8);
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    static HttpServer openOffice() throws IOException {
        HttpServer office = HttpServer.create(OFFICE_ADDRESS, 0);
        office.createContext("/port", exchange ->
            answer(exchange, 200, "" + exchange.getLocalAddress().getPort()));
        office.createContext("/pid", exchange -> answer(exchange, 200, "" + ProcessHandle.current().pid()));
        office.createContext("/echo", exchange ->
            answer(exchange, 201, new String(exchange.getRequestBody().readAllBytes(), UTF_8)));
        office.createContext("/slow", exchange -> {
            pause(700);
            answer(exchange, 200, "done");
        });
        office.setExecutor(Executors.newFixedThreadPool(4, Suite::daemon));
        office.start();
        return office;
    }

    static Thread daemon(Runnable work) {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        return thread;
    }

    static void pause(long milliseconds) {
        try {
            Thread.sleep(milliseconds);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    static ServerSocket openTicker() throws IOException {
        ServerSocket ticker = new ServerSocket(TICKER, 50, InetAddress.getLoopbackAddress());
        daemon(() -> {
            try {
                for (;;) {
                    try (Socket client = ticker.accept()) {
                        String line = reader(client).readLine();
                        client.getOutputStream().write((line.toUpperCase() + "\n").getBytes(UTF_8));
                    }
                }
            } catch (IOException closed) {
                // the suite is over
            }
        }).start();
        return ticker;
    }

    static DatagramChannel openBeacon() throws IOException {
        DatagramChannel beacon = DatagramChannel.open().bind(OFFICE_ADDRESS);
        daemon(() -> {
            ByteBuffer buffer = ByteBuffer.allocate(1500);
            try {
                for (;;) {
                    SocketAddress peer = beacon.receive(buffer.clear());
                    beacon.send(buffer.flip(), peer);
                }
            } catch (IOException closed) {
                // the suite is over
            }
        }).start();
        return beacon;
    }

    static BufferedReader reader(Socket socket) throws IOException {
        return new BufferedReader(new InputStreamReader(socket.getInputStream(), UTF_8));
    }

    static String fetch(String path, String body) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://localhost:8301" + path));
        if (body != null)
            request.POST(HttpRequest.BodyPublishers.ofString(body));
        return HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofString()).body();
    }

    static String tick(String line) throws IOException {
        try (Socket socket = new Socket("localhost", TICKER)) {
            socket.getOutputStream().write((line + "\n").getBytes(UTF_8));
            return reader(socket).readLine();
        }
    }

    static String unconnectedDatagram() throws IOException {
        try (DatagramChannel channel = DatagramChannel.open()) {
            channel.socket().setSoTimeout(60_000);
            channel.send(ByteBuffer.wrap("ahoy".getBytes()), OFFICE_ADDRESS);
            ByteBuffer buffer = ByteBuffer.allocate(100);
            SocketAddress peer = channel.receive(buffer);
            return new String(buffer.array(), 0, buffer.position()) + " from " + peer;
        }
    }

    static String connectedDatagram() throws IOException {
        try (DatagramChannel channel = DatagramChannel.open().connect(OFFICE_ADDRESS)) {
            channel.write(ByteBuffer.wrap("hello".getBytes()));
            ByteBuffer buffer = ByteBuffer.allocate(100);
            channel.read(buffer);
            return new String(buffer.array(), 0, buffer.position()) + " from " + channel.getRemoteAddress();
        }
    }

    static String nameOfError(Callable<AutoCloseable> action) throws Exception {
        try (AutoCloseable opened = action.call()) {
            return "no error";
        } catch (BindException | ConnectException error) {
            return error.getClass().getSimpleName();
        }
    }

    interface Check {
        void expect(String name, String want, Callable<String> actual);
    }

    static void runAll(Check check) {
        check.expect("the office knows its port", "8301", () -> fetch("/port", null));
        check.expect("the office that answers is ours", "" + ProcessHandle.current().pid(),
            () -> fetch("/pid", null));
        check.expect("a body comes back", "one ticket", () -> fetch("/echo", "one ticket"));
        check.expect("a slow answer arrives", "done", () -> fetch("/slow", null));
        check.expect("the ticker shouts", "CAST OFF", () -> tick("cast off"));
        check.expect("a datagram names its sender", "ahoy from /127.0.0.1:8301", Suite::unconnectedDatagram);
        check.expect("a connected datagram comes back", "hello from /127.0.0.1:8301",
            Suite::connectedDatagram);
        check.expect("the port is taken", "BindException",
            () -> nameOfError(() -> new ServerSocket(OFFICE, 1, InetAddress.getLoopbackAddress())));
        check.expect("nobody listens next door", "ConnectException",
            () -> nameOfError(() -> new Socket("localhost", 8303)));
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, String> failures = new LinkedHashMap<>();
        HttpServer office = openOffice();
        try (ServerSocket ticker = openTicker(); DatagramChannel beacon = openBeacon()) {
            runAll((name, want, actual) -> {
                String got;
                try {
                    got = actual.call();
                } catch (Exception error) {
                    got = error.toString();
                }
                if (!want.equals(got))
                    failures.put(name, "want '" + want + "', got '" + got + "'");
                System.out.println((want.equals(got) ? "pass: " : "FAIL: ") + name);
            });
        }
        office.stop(0);
        failures.forEach((name, reason) -> System.err.println(name + ": " + reason));
        System.exit(failures.isEmpty() ? 0 : 1);
    }
}
