/**
 * Milliseconds this thread has computed so far. What is bounded in its cost is measured by these: on a machine that does much
 * else, the clock on the wall goes on while the test waits for its turn.
 */
export function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
