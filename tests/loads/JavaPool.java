import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** A pool whose workers each fill tables of objects of their own and read a table that main has made. */
public class JavaPool {
    private static final int SHARED = 20000, ROUNDS = 12, OWN = 2000;

    private static long work(int number, Map<Integer, String> shared) {
        long sum = 0;
        for (int round = 0; round < ROUNDS; round++) {
            Map<Integer, int[]> own = new HashMap<>();
            for (int i = 0; i < OWN; i++)
                own.put(i, new int[] {number, i, round});
            for (int i = 0; i < OWN; i++)
                sum += own.get(i)[1] + shared.get((i * 31 + number) % SHARED).length();
        }
        return sum;
    }

    public static void main(String[] arguments) throws Exception {
        int threads = Integer.parseInt(arguments[0]);
        Map<Integer, String> shared = new HashMap<>();
        for (int i = 0; i < SHARED; i++)
            shared.put(i, "number " + (10000 + i % 10000));
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        List<Future<Long>> results = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int number = i;
            results.add(pool.submit(() -> work(number, shared)));
        }
        long found = 0, expected = (long) threads * ROUNDS * OWN * ((OWN - 1) / 2 + 12) + (long) threads * ROUNDS * OWN / 2;
        for (Future<Long> result : results)
            found += result.get();
        pool.shutdown();
        if (found != expected) {
            System.out.println("java found " + found + ", not " + expected);
            System.exit(1);
        }
        System.out.println("java ok");
    }
}
