import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.lang.reflect.Method;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.Key;
import java.security.Provider;
import java.security.Security;
import java.security.cert.X509Certificate;
import java.security.spec.AlgorithmParameterSpec;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.MacSpi;
import javax.crypto.SecretKey;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/**
 * Says the lines of standard input through Java's TLS, prints the answers, and logs the secrets.
 *
 * <p>Java writes no key log. Up to TLS 1.2 the session object holds the master secret. In TLS 1.3
 * all secrets come out of HKDF (RFC 8446 §7.1), which asks for an HMAC: a provider that stands
 * first sees them.
 *
 * <pre>java --add-opens java.base/sun.security.ssl=ALL-UNNAMED TlsClient.java \
 *     HOST PORT VERSION KEYLOG STARTTLS TIMES LINES</pre>
 */
public final class TlsClient {
    private static final Map<String, String> LABELS =
            Map.of(
                    "tls13 c hs traffic", "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
                    "tls13 s hs traffic", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                    "tls13 c ap traffic", "CLIENT_TRAFFIC_SECRET_0",
                    "tls13 s ap traffic", "SERVER_TRAFFIC_SECRET_0");
    // what to say, and how the last line of the answer begins
    private static final Map<String, String[][]> STARTTLS =
            Map.of(
                    "smtp", new String[][] {{"EHLO laptop.example.com", "250 "}, {"STARTTLS", "220 "}},
                    "imap", new String[][] {{"x STARTTLS", "x OK"}},
                    "pop3", new String[][] {{"STLS", "+OK"}});
    private static final int TIMEOUT_MS = 10_000;

    private static Path log;
    private static Tapped current;

    /** A socket that remembers the random of the ClientHello (RFC 8446 §4.1.2). */
    private static final class Tapped extends Socket {
        private final ByteArrayOutputStream hello = new ByteArrayOutputStream();
        private boolean isTls;

        @Override
        public OutputStream getOutputStream() throws IOException {
            return new FilterOutputStream(super.getOutputStream()) {
                @Override
                public void write(byte[] data, int offset, int length) throws IOException {
                    if (isTls && hello.size() < 43) {
                        hello.write(data, offset, length);
                    }
                    out.write(data, offset, length);
                }
            };
        }

        String random() {
            return HexFormat.of().formatHex(hello.toByteArray(), 11, 43);
        }
    }

    /** An HMAC whose results under a label of TLS 1.3 are logged. */
    public static class Listening extends MacSpi {
        private final Mac mac;
        private final ByteArrayOutputStream said = new ByteArrayOutputStream();

        Listening(String algorithm) throws Exception {
            mac = Mac.getInstance(algorithm, "SunJCE");
        }

        @Override
        protected int engineGetMacLength() {
            return mac.getMacLength();
        }

        @Override
        protected void engineInit(Key key, AlgorithmParameterSpec params)
                throws java.security.InvalidKeyException {
            mac.init(key);
            said.reset();
        }

        @Override
        protected void engineUpdate(byte input) {
            engineUpdate(new byte[] {input}, 0, 1);
        }

        @Override
        protected void engineUpdate(byte[] input, int offset, int length) {
            mac.update(input, offset, length);
            said.write(input, offset, length);
        }

        @Override
        protected byte[] engineDoFinal() {
            byte[] result = mac.doFinal();
            String text = said.toString(StandardCharsets.ISO_8859_1);
            said.reset();
            // HkdfLabel: two bytes of length, and the label behind its length
            for (String label : LABELS.keySet()) {
                if (text.startsWith(label, 3)) {
                    write(LABELS.get(label), result);
                }
            }
            return result;
        }

        @Override
        protected void engineReset() {
            mac.reset();
            said.reset();
        }
    }

    /** With SHA-256. */
    public static final class Sha256 extends Listening {
        public Sha256() throws Exception {
            super("HmacSHA256");
        }
    }

    /** With SHA-384. */
    public static final class Sha384 extends Listening {
        public Sha384() throws Exception {
            super("HmacSHA384");
        }
    }

    private static final class Listener extends Provider {
        Listener() {
            super("Listener", "1", "sees the secrets of TLS 1.3");
            put("Mac.HmacSHA256", Sha256.class.getName());
            put("Mac.HmacSHA384", Sha384.class.getName());
        }

        @Override
        public synchronized Service getService(String type, String algorithm) {
            Service found = super.getService(type, algorithm);
            if (found == null) {
                return null;
            }
            return new Service(this, type, algorithm, found.getClassName(), null, null) {
                @Override
                public Object newInstance(Object parameter)
                        throws java.security.NoSuchAlgorithmException {
                    try {
                        return algorithm.equals("HmacSHA256") ? new Sha256() : new Sha384();
                    } catch (Exception error) {
                        throw new java.security.NoSuchAlgorithmException(error);
                    }
                }
            };
        }
    }

    private static void write(String label, byte[] secret) {
        String line =
                label + " " + current.random() + " " + HexFormat.of().formatHex(secret) + "\n";
        try {
            Files.writeString(
                    log, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
    }

    private static void logMasterSecret(SSLSession session) throws Exception {
        Method getter = session.getClass().getDeclaredMethod("getMasterSecret");
        getter.setAccessible(true);
        write("CLIENT_RANDOM", ((SecretKey) getter.invoke(session)).getEncoded());
    }

    private static SSLContext trusting() throws Exception {
        TrustManager anybody =
                new X509TrustManager() {
                    @Override
                    public void checkClientTrusted(X509Certificate[] chain, String type) {}

                    @Override
                    public void checkServerTrusted(X509Certificate[] chain, String type) {}

                    @Override
                    public X509Certificate[] getAcceptedIssuers() {
                        return new X509Certificate[0];
                    }
                };
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] {anybody}, null);
        return context;
    }

    /** Prints whatever the server says; in TLS 1.3, tickets come in with it. */
    private static void listen(Socket socket) {
        try {
            socket.getInputStream().transferTo(System.out);
        } catch (IOException end) {
            return;
        }
    }

    private static void say(Socket socket, String line) throws IOException {
        socket.getOutputStream().write((line + "\r\n").getBytes(StandardCharsets.UTF_8));
    }

    /** Agrees on TLS; reads no byte of it. */
    private static void startTls(Socket socket, String protocol) throws IOException {
        InputStream in = socket.getInputStream();
        OutputStream out = socket.getOutputStream();
        readUntil(in, "\n");
        for (String[] each : STARTTLS.get(protocol)) {
            out.write((each[0] + "\r\n").getBytes(StandardCharsets.UTF_8));
            readUntil(in, each[1]);
        }
    }

    private static void readUntil(InputStream in, String beginning) throws IOException {
        StringBuilder line = new StringBuilder();
        while (true) {
            int next = in.read();
            if (next < 0) {
                throw new IOException("no answer to STARTTLS");
            }
            line.append((char) next);
            if (next == '\n') {
                if (line.toString().startsWith(beginning) || beginning.equals("\n")) {
                    return;
                }
                line.setLength(0);
            }
        }
    }

    private static void converse(
            SSLContext context, String[] arguments, BufferedReader in) throws Exception {
        String host = arguments[0];
        int port = Integer.parseInt(arguments[1]);
        boolean isUpgraded = !arguments[4].equals("-");
        try (Tapped plain = new Tapped()) {
            current = plain;
            plain.connect(new InetSocketAddress(host, port), TIMEOUT_MS);
            if (isUpgraded) {
                startTls(plain, arguments[4]);
            }
            plain.isTls = true;
            SSLSocket socket =
                    (SSLSocket) context.getSocketFactory().createSocket(plain, host, port, true);
            String version = arguments[2].replace("TLSv1.0", "TLSv1");
            socket.setEnabledProtocols(new String[] {version});
            socket.startHandshake();
            if (!version.equals("TLSv1.3")) {
                logMasterSecret(socket.getSession());
            }
            Thread listener = new Thread(() -> listen(socket));
            listener.start();
            for (int line = 0; line < Integer.parseInt(arguments[6]); line++) {
                say(socket, in.readLine());
            }
            listener.join(TIMEOUT_MS);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Security.setProperty("jdk.tls.disabledAlgorithms", "");
        Security.setProperty("jdk.tls.legacyAlgorithms", "");
        Security.insertProviderAt(new Listener(), 1);
        log = Path.of(arguments[3]);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        SSLContext context = trusting();
        for (int time = 0; time < Integer.parseInt(arguments[5]); time++) {
            converse(context, arguments, in);
        }
    }
}
