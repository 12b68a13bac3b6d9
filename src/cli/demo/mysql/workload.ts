import mariadb, { type Pool as MariadbPool } from 'mariadb';
import mysql from 'mysql2/promise';
import type { Target, Workload } from '../house.ts';
import { type Actor, runActors } from '../lanes.ts';
import { Random } from '../random.ts';

const DATABASE = 'desk';
const TICKETS = 3_000;
const AGENTS = 12;
const STATES = ['open', 'waiting', 'solved', 'spam'] as const;
const WORDS = ['refund', 'broken cup', 'late', 'invoice', 'thank you'] as const;

/** Each step does nothing where it was done before; nothing that is there is touched. */
const SCHEMA = [
  `create database if not exists ${DATABASE}`,
  `use ${DATABASE}`,
  `create table if not exists tickets (
     id int unsigned not null auto_increment primary key,
     email varchar(190) not null,
     subject varchar(190) not null,
     state enum('open', 'waiting', 'solved', 'spam') not null default 'open',
     agent_id int unsigned null,
     updated_at timestamp not null default current_timestamp on update current_timestamp,
     key (state, updated_at), key (agent_id)
   )`,
  `create table if not exists notes (
     ticket_id int unsigned not null,
     author varchar(64) not null,
     body text not null,
     created_at timestamp(3) not null default current_timestamp(3),
     key (ticket_id)
   )`,
  'create table if not exists mails (message_id varchar(64) not null primary key, ticket_id int unsigned not null)',
  `create procedure if not exists workload(in agent int)
   begin
     select state, count(*) as tickets from tickets where agent_id = agent group by state;
     select id, subject from tickets where agent_id = agent and state = 'open' order by updated_at limit 5;
   end`,
];

/** Creates what the server does not have of the desk. */
export async function prepareDesk({ host, port }: Target): Promise<void> {
  const connection = await mysql.createConnection({ host, port, user: 'root' });
  try {
    for (const statement of SCHEMA) await connection.query(statement);
    const [some] = await connection.query<mysql.RowDataPacket[]>('select 1 from tickets limit 1');
    if (some.length > 0) return;
    const random = new Random(29);
    const rows = Array.from({ length: TICKETS }, (_, i) => [
      `customer-${random.between(1, 2_000)}@shop.example`,
      `${random.pick(WORDS)} #${i + 1}`,
      random.pick(STATES),
      random.between(1, AGENTS),
    ]);
    await connection.query('insert into tickets (email, subject, state, agent_id) values ?', [rows]);
  } finally {
    await connection.end();
  }
}

/** Starts the desk's users; about 150 queries a second, until stop(). */
export function startWorkload(target: Target): Workload {
  const surprises: Error[] = [];
  const random = new Random(31);
  const desk = mysql.createPool({
    ...target,
    user: 'root',
    database: DATABASE,
    connectionLimit: 4,
    connectAttributes: { program_name: 'desk' },
  });
  const importer = mariadb.createPool({
    ...target,
    user: 'root',
    database: DATABASE,
    connectionLimit: 1,
    connectTimeout: 30_000, // the driver's own second is too little on a machine that does much else
    acquireTimeout: 30_000,
    connectAttributes: { program_name: 'mail-import' },
  });
  const actors: Actor[] = [
    { name: 'inbox', perSecond: 20, lanes: 2, act: () => inbox(desk, random) },
    { name: 'answer', perSecond: 8, lanes: 1, act: () => answer(desk, random) },
    { name: 'search', perSecond: 2, lanes: 1, act: () => search(desk, random) },
    { name: 'dashboard', perSecond: 2, lanes: 1, act: () => dashboard(desk, random) },
    { name: 'import mail', perSecond: 1, lanes: 1, act: () => importMail(importer, random) },
  ];
  const stopped = new AbortController();
  const acting = runActors(actors, stopped.signal, surprises);
  return {
    surprises,
    async stop() {
      stopped.abort();
      await acting;
      await Promise.all([desk.end(), importer.end()]);
    },
  };
}

/** Prepared statements, and text with the values pasted in, side by side: it has grown over the years. */
async function inbox(pool: mysql.Pool, random: Random): Promise<void> {
  await pool.execute('select id, subject, updated_at from tickets where agent_id = ? and state = ? limit 20', [
    random.between(1, AGENTS),
    random.pick(STATES),
  ]);
  const ticket = random.between(1, TICKETS);
  await pool.query(`select * from tickets where id = ${ticket}`);
  await pool.query(`SELECT author, body FROM notes WHERE ticket_id=${ticket} ORDER BY created_at`);
}

/** A transaction; one in ten answers is taken back. */
async function answer(pool: mysql.Pool, random: Random): Promise<void> {
  const connection = await pool.getConnection();
  try {
    const ticket = random.between(1, TICKETS);
    await connection.beginTransaction();
    await connection.execute('insert into notes (ticket_id, author, body) values (?, ?, ?)', [
      ticket,
      `agent-${random.between(1, AGENTS)}`,
      'We are sorry to hear that.',
    ]);
    await connection.execute('update tickets set state = ? where id = ?', ['waiting', ticket]);
    await (random.chance(0.1) ? connection.rollback() : connection.commit());
  } finally {
    connection.release();
  }
}

/** No index helps here. */
async function search(pool: mysql.Pool, random: Random): Promise<void> {
  await pool.execute(
    "select t.id, t.subject, count(n.ticket_id) as notes from tickets t left join notes n on n.ticket_id = t.id where t.subject like concat('%', ?, '%') group by t.id order by notes desc limit 10",
    [random.pick(WORDS)],
  );
}

/** A procedure with two result sets. */
async function dashboard(pool: mysql.Pool, random: Random): Promise<void> {
  await pool.query('call workload(?)', [random.between(1, AGENTS)]);
}

/** A batch in one message; every fourth time a mail comes that has come before: a duplicate key. */
async function importMail(pool: MariadbPool, random: Random): Promise<void> {
  const again = random.chance(0.25);
  const mails = Array.from({ length: 10 }, (_, i) => [
    again ? 'seen-before' : `${Date.now()}-${i}-${random.between(1, 1e9)}`,
    random.between(1, TICKETS),
  ]);
  try {
    await pool.batch('insert into mails (message_id, ticket_id) values (?, ?)', mails);
  } catch (error) {
    if ((error as { errno?: number }).errno !== 1062) throw error;
  }
}
