import java.io.StringReader;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;

/** The peer kafka_streams: a topology from topic to topic, raw bytes; kafka_streams.py says the settings. */
public final class Passthrough {
    public static void main(String[] arguments) throws Exception {
        Properties settings = new Properties();
        settings.load(new StringReader(System.getenv("PEER_PROPERTIES")));
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(arguments[0], Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
            .to(arguments[1], Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
        KafkaStreams streams = new KafkaStreams(builder.build(), settings);
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.RUNNING) {
                System.out.println("ready");
            }
        });
        streams.setUncaughtExceptionHandler(error -> {
            System.err.println(error);
            Runtime.getRuntime().halt(1);
            return null;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            // Without a word the member stays in the group until its session ends.
            streams.close(CloseOptions.groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP));
            Runtime.getRuntime().halt(0);
        }));
        streams.start();
        Thread.currentThread().join();
    }
}
