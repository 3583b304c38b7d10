import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/** A pool of four named workers that stay until a line is read. */
public class Pool {
    public static void main(String[] arguments) throws Exception {
        AtomicInteger number = new AtomicInteger();
        CountDownLatch started = new CountDownLatch(4), over = new CountDownLatch(1);
        ExecutorService pool = Executors.newFixedThreadPool(4, task -> new Thread(task, "worker-" + number.incrementAndGet()));
        for (int i = 0; i < 4; i++)
            pool.submit(() -> {
                started.countDown();
                over.await();
                return null;
            });
        started.await();
        System.gc();
        System.out.println("ready " + number.get());
        System.in.read();
        over.countDown();
        pool.shutdown();
        System.out.println("done");
    }
}
