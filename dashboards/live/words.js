// Numbers in words, short enough for a column.

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const plain = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
export const number = (n) => (n < 10_000 ? plain.format(n < 100 ? n : Math.round(n)) : compact.format(n));

function scaled(value, steps) {
  const [size, unit] = steps.find(([size]) => value >= size) ?? steps.at(-1);
  const n = value / size;
  return `${n >= 100 ? n.toFixed(0) : Number(n.toPrecision(3))} ${unit}`;
}
const TIMES = [
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
  [1e-3, 'ms'],
  [1e-6, 'µs'],
];
const SIZES = [
  [2 ** 40, 'TiB'],
  [2 ** 30, 'GiB'],
  [2 ** 20, 'MiB'],
  [2 ** 10, 'KiB'],
  [1, 'B'],
];
export const time = (seconds) => (seconds > 0 ? scaled(seconds, TIMES) : '0');
export const size = (bytes) => (bytes > 0 ? scaled(bytes, SIZES) : '0');
export function age(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}
/** Of 0 … 1. */
export const percent = (share) => (share >= 0.0995 ? `${Math.round(share * 100)}%` : `${(share * 100).toFixed(1)}%`);
export const sum = (counts) => Object.values(counts ?? {}).reduce((a, b) => a + b, 0);

const PROTOCOLS = {
  postgres: 'PostgreSQL',
  mysql: 'MySQL',
  redis: 'Redis',
  mongodb: 'MongoDB',
  zookeeper: 'ZooKeeper',
  kafka: 'Kafka',
};
/** A protocol as people write it. */
export const titled = (protocol) => PROTOCOLS[protocol] ?? protocol;
