import type pg from 'pg';
import type { RealPostgres } from '../../support/real-postgres.ts';

/** What the rows of `pay` hold: no client may read it. */
export const SECRET = '7777777';

/** What a real server holds and has run. */
export class Truth {
  readonly server: RealPostgres;
  readonly #direct: pg.Client;
  #pid = 0;

  constructor(server: RealPostgres, direct: pg.Client) {
    this.server = server;
    this.#direct = direct;
  }

  static async of(server: RealPostgres): Promise<Truth> {
    const direct = await server.connect();
    await direct.query(`
      create table pay (a int); create schema hr; create table hr.pay (a int); create table log (a int);
      create table other (a int); create table "Odd.Name" (a int);
      create schema app1; create schema app2; create table app1.orders (a int); create table app2.orders (a int);
      create view pay_view as select 1 as a; create sequence ids;
      create table "${'n'.repeat(63)}" (a int);
      create procedure spend() language sql as 'delete from pay';
      create function peek() returns bigint language sql as 'select sum(a) from pay';
    `);
    const truth = new Truth(server, direct);
    truth.#pid = (await direct.query('select pg_backend_pid() as pid')).rows[0].pid;
    await truth.reset();
    return truth;
  }

  async reset(): Promise<void> {
    await this.#direct.query(`truncate log, pay, hr.pay, "${'n'.repeat(63)}", app2.orders;
      insert into pay values (${SECRET}); insert into hr.pay values (${SECRET}); insert into app2.orders values (${SECRET});
      insert into "${'n'.repeat(63)}" values (${SECRET})`);
  }

  async held(): Promise<{ pay: string; log: string }> {
    const { rows } = await this.#direct.query(`
      select concat_ws(' ', (select string_agg(a::text, ' ') from pay), (select string_agg(a::text, ' ') from hr.pay),
        (select string_agg(a::text, ' ') from app2.orders), (select string_agg(a::text, ' ') from "${'n'.repeat(63)}")) as pay,
        coalesce((select string_agg(a::text, ' ' order by a) from log), '') as log`);
    return rows[0];
  }

  /** What the server's own log has of other clients: statements that began to run. */
  async ran(): Promise<string> {
    const lines = (await this.server.log()).split('\n');
    return lines
      .filter((line) => /LOG: {2}(?:statement|execute [^:]*): /.test(line) && !line.startsWith(`[${this.#pid}] `))
      .join('\n');
  }

  /** Ends all other sessions: each reads a FATAL error, and its socket is gone. */
  async hangUp(): Promise<void> {
    await this.#direct.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'`,
    );
  }

  async stop(): Promise<void> {
    await this.#direct.end();
    await this.server.stop();
  }
}
