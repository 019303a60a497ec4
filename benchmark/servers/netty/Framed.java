import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.ServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import io.netty.handler.codec.LengthFieldPrepender;
import io.netty.handler.codec.LineBasedFrameDecoder;
import io.netty.handler.codec.redis.ArrayRedisMessage;
import io.netty.handler.codec.redis.ErrorRedisMessage;
import io.netty.handler.codec.redis.FullBulkStringRedisMessage;
import io.netty.handler.codec.redis.RedisArrayAggregator;
import io.netty.handler.codec.redis.RedisBulkStringAggregator;
import io.netty.handler.codec.redis.RedisDecoder;
import io.netty.handler.codec.redis.RedisEncoder;
import io.netty.handler.codec.redis.SimpleStringRedisMessage;
import io.netty.handler.codec.string.LineEncoder;
import io.netty.handler.codec.string.LineSeparator;
import io.netty.handler.codec.string.StringDecoder;
import io.netty.util.ReferenceCountUtil;
import java.nio.charset.StandardCharsets;

/** Echo of messages with Netty and its own codecs, on one event loop: {@code Framed --framing length-prefixed|lines|resp}. */
public final class Framed {
    private static final int MAX_BYTES = 1024 * 1024;

    public static void main(String[] args) throws Exception {
        String framing = args[1];
        boolean epoll = Epoll.isAvailable();
        EventLoopGroup group = epoll ? new EpollEventLoopGroup(1) : new NioEventLoopGroup(1);
        ServerSocketChannel server =
                (ServerSocketChannel)
                        new ServerBootstrap()
                                .group(group)
                                .channel(epoll ? EpollServerSocketChannel.class : NioServerSocketChannel.class)
                                .option(ChannelOption.SO_BACKLOG, 1024)
                                .childOption(ChannelOption.TCP_NODELAY, true)
                                .childHandler(
                                        new ChannelInitializer<SocketChannel>() {
                                            @Override
                                            protected void initChannel(SocketChannel channel) {
                                                addCodecs(channel.pipeline(), framing);
                                            }
                                        })
                                .bind("127.0.0.1", 0)
                                .sync()
                                .channel();
        System.out.println("listening " + server.localAddress().getPort());
    }

    private static void addCodecs(ChannelPipeline pipeline, String framing) {
        switch (framing) {
            case "length-prefixed" ->
                    pipeline.addLast(
                            new LengthFieldBasedFrameDecoder(MAX_BYTES + 4, 0, 4, 0, 4),
                            new LengthFieldPrepender(4),
                            new Answer());
            case "lines" ->
                    pipeline.addLast(
                            new LineBasedFrameDecoder(MAX_BYTES),
                            new StringDecoder(StandardCharsets.UTF_8),
                            new LineEncoder(LineSeparator.UNIX, StandardCharsets.UTF_8),
                            new Answer());
            case "resp" ->
                    pipeline.addLast(
                            new RedisDecoder(),
                            new RedisBulkStringAggregator(),
                            new RedisArrayAggregator(),
                            new RedisEncoder(),
                            new Answer());
            default -> throw new IllegalArgumentException("there is no framing " + framing);
        }
    }

    /** Sends messages back, answers commands, and writes once for each read. */
    private static final class Answer extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            if (message instanceof ArrayRedisMessage command) {
                context.write(answer(command), context.voidPromise());
                ReferenceCountUtil.release(command);
            } else {
                context.write(message, context.voidPromise());
            }
        }

        private static Object answer(ArrayRedisMessage command) {
            ByteBuf name = ((FullBulkStringRedisMessage) command.children().get(0)).content();
            return name.toString(StandardCharsets.UTF_8).equals("PING")
                    ? new SimpleStringRedisMessage("PONG")
                    : new ErrorRedisMessage("ERR there is no such command");
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext context) {
            context.flush();
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            context.close();
        }
    }
}
