import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandler;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.DelimiterBasedFrameDecoder;
import io.netty.handler.codec.FixedLengthFrameDecoder;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import io.netty.handler.codec.LengthFieldPrepender;
import io.netty.handler.codec.LineBasedFrameDecoder;
import io.netty.handler.codec.mqtt.MqttDecoder;
import io.netty.handler.codec.mqtt.MqttEncoder;
import io.netty.handler.codec.mqtt.MqttMessageBuilders;
import io.netty.handler.codec.mqtt.MqttPublishMessage;
import io.netty.handler.codec.mqtt.MqttQoS;
import io.netty.handler.codec.protobuf.ProtobufVarint32FrameDecoder;
import io.netty.handler.codec.protobuf.ProtobufVarint32LengthFieldPrepender;
import io.netty.handler.codec.string.LineEncoder;
import io.netty.handler.codec.string.LineSeparator;
import io.netty.util.CharsetUtil;
import java.io.ByteArrayOutputStream;
import java.net.Socket;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jpos.iso.BaseChannel;
import org.jpos.iso.ISOMsg;
import org.jpos.iso.channel.ASCIIChannel;
import org.jpos.iso.channel.BCDChannel;
import org.jpos.iso.channel.NACChannel;
import org.jpos.iso.packager.ISO87APackager;

/**
 * Peers from Maven Central: arguments are `row/peer=port` of the server of each. Prints a line for each: `row/peer`, version
 * and outcome, with tabs between them.
 */
final class Peers {
    interface Peer {
        void talk(int port) throws Exception;
    }

    private static final int[] LENGTHS = {0, 1, 2, 127, 128, 300, 16383, 16384, 70000};
    private static final Map<String, Peer> PEERS = new LinkedHashMap<>();

    static {
        int most = 1 << 20;
        PEERS.put("lines/Netty", port -> texts(port, lines(), new LineBasedFrameDecoder(most)));
        PEERS.put("GELF/Netty", port -> counted(port));
        PEERS.put(
                "length of 4 bytes/Netty",
                port -> texts(port, new LengthFieldPrepender(4), new LengthFieldBasedFrameDecoder(most, 0, 4, 0, 4)));
        PEERS.put(
                "length of 2 bytes, low one first, that counts itself/Netty",
                port -> texts(
                        port,
                        new LengthFieldPrepender(ByteOrder.LITTLE_ENDIAN, 2, 0, true),
                        new LengthFieldBasedFrameDecoder(ByteOrder.LITTLE_ENDIAN, most, 0, 2, -2, 2, true)));
        PEERS.put("fixed length/Netty", Peers::fixed);
        PEERS.put(
                "protobuf, delimited/Netty",
                port -> texts(port, new ProtobufVarint32LengthFieldPrepender(), new ProtobufVarint32FrameDecoder()));
        PEERS.put("MQTT/Netty", Peers::mqtt);
        PEERS.put("ISO 8583, two bytes/jPOS NACChannel", port -> iso(new NACChannel("127.0.0.1", port, new ISO87APackager(), null)));
        PEERS.put("ISO 8583, four digits/jPOS ASCIIChannel", port -> iso(new ASCIIChannel("127.0.0.1", port, new ISO87APackager())));
        PEERS.put("ISO 8583, packed decimals/jPOS BCDChannel", port -> iso(new BCDChannel("127.0.0.1", port, new ISO87APackager(), null)));
    }

    public static void main(String[] servers) {
        for (String server : servers) {
            int split = server.lastIndexOf('=');
            String key = server.substring(0, split);
            String outcome = "ok";
            try {
                PEERS.get(key).talk(Integer.parseInt(server.substring(split + 1)));
            } catch (Throwable error) {
                outcome = error.toString().split("\n")[0];
            }
            Class<?> of = key.endsWith("Netty") ? LineBasedFrameDecoder.class : BaseChannel.class;
            System.out.println(key + "\t" + version(of) + "\t" + outcome);
        }
        System.exit(0);
    }

    /** As the name of the archive says. */
    private static String version(Class<?> of) {
        String archive = of.getProtectionDomain().getCodeSource().getLocation().getPath();
        return archive.replaceAll(".*?-([0-9].*)\\.jar", "$1");
    }

    private static ChannelHandler lines() {
        return new LineEncoder(LineSeparator.WINDOWS, CharsetUtil.UTF_8);
    }

    private static String text(int length) {
        return "abcdefghij".repeat(length / 10 + 1).substring(0, length);
    }

    /** Texts that an encoder makes frames of come back as what a decoder cuts. */
    private static void texts(int port, ChannelHandler encoder, ChannelHandler decoder) throws Exception {
        List<String> sent = new ArrayList<>();
        EmbeddedChannel outbound = new EmbeddedChannel(encoder);
        ByteBuf bytes = Unpooled.buffer();
        for (int length : LENGTHS) {
            // An encoder with a length of two bytes takes no more.
            if (length > 65000 && encoder instanceof LengthFieldPrepender && bytes.getByte(0) != 0) continue;
            sent.add(text(length));
            outbound.writeOutbound(encoder instanceof LineEncoder ? (Object) text(length) : Unpooled.copiedBuffer(text(length), CharsetUtil.UTF_8));
            for (ByteBuf part; (part = outbound.readOutbound()) != null; ) bytes.writeBytes(part);
        }
        same(decoded(exchange(port, bytes), decoder), sent);
    }

    private static List<String> decoded(ByteBuf bytes, ChannelHandler decoder) {
        EmbeddedChannel inbound = new EmbeddedChannel(decoder);
        inbound.writeInbound(bytes);
        List<String> found = new ArrayList<>();
        for (ByteBuf frame; (frame = inbound.readInbound()) != null; ) found.add(frame.toString(CharsetUtil.UTF_8));
        return found;
    }

    /** Nobody answers: the server counts. */
    private static void counted(int port) throws Exception {
        ByteBuf bytes = Unpooled.buffer();
        for (int length : LENGTHS) {
            ByteBuf frame = Unpooled.copiedBuffer(text(length) + "\0", CharsetUtil.UTF_8);
            same(decoded(frame.copy(), new DelimiterBasedFrameDecoder(1 << 20, Unpooled.wrappedBuffer(new byte[1]))), List.of(text(length)));
            bytes.writeBytes(frame);
        }
        exchange(port, bytes);
    }

    private static void fixed(int port) throws Exception {
        ByteBuf bytes = Unpooled.copiedBuffer(text(64 * 100), CharsetUtil.UTF_8);
        List<String> found = decoded(exchange(port, bytes), new FixedLengthFrameDecoder(64));
        same(String.join("", found), text(64 * 100));
    }

    private static void mqtt(int port) throws Exception {
        EmbeddedChannel outbound = new EmbeddedChannel(MqttEncoder.INSTANCE);
        ByteBuf bytes = Unpooled.buffer();
        List<String> sent = new ArrayList<>();
        for (int length : LENGTHS) {
            sent.add(text(length));
            outbound.writeOutbound(MqttMessageBuilders.publish()
                    .topicName("a/b")
                    .qos(MqttQoS.AT_MOST_ONCE)
                    .payload(Unpooled.copiedBuffer(text(length), CharsetUtil.UTF_8))
                    .build());
            for (ByteBuf part; (part = outbound.readOutbound()) != null; ) bytes.writeBytes(part);
        }
        EmbeddedChannel inbound = new EmbeddedChannel(new MqttDecoder(1 << 20));
        inbound.writeInbound(exchange(port, bytes));
        List<String> found = new ArrayList<>();
        for (MqttPublishMessage message; (message = inbound.readInbound()) != null; ) {
            found.add(message.payload().toString(CharsetUtil.UTF_8));
        }
        same(found, sent);
    }

    private static void iso(BaseChannel channel) throws Exception {
        channel.setTimeout(10_000);
        channel.connect();
        for (int number = 1; number <= 20; number++) {
            ISOMsg message = new ISOMsg("0800");
            message.set(11, String.format("%06d", number));
            message.set(48, text(number * 40));
            channel.send(message);
            ISOMsg answer = channel.receive();
            same(answer.getString(11) + answer.getString(48), message.getString(11) + message.getString(48));
        }
        channel.disconnect();
    }

    /** Sends bytes, and gives what comes back up to the end. */
    private static ByteBuf exchange(int port, ByteBuf bytes) throws Exception {
        try (Socket socket = new Socket("127.0.0.1", port)) {
            socket.setSoTimeout(10_000);
            Thread sender = new Thread(() -> {
                try {
                    socket.getOutputStream().write(ByteBufUtil.getBytes(bytes));
                    socket.shutdownOutput();
                } catch (java.io.IOException error) {
                    throw new java.io.UncheckedIOException(error);
                }
            });
            sender.start();
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            socket.getInputStream().transferTo(all);
            sender.join();
            return Unpooled.wrappedBuffer(all.toByteArray());
        }
    }

    private static void same(Object found, Object expected) {
        if (!found.equals(expected)) throw new AssertionError(found + " is not what was sent");
    }
}
