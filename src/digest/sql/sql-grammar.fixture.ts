/**
 * A seeded, weighted grammar of SQL statements for tests: each statement knows the relations it touches and what it does
 * to them, and can be written many times with other literals, list lengths, blanks, comments and letter case.
 */

/** mulberry32: small, seeded, good enough to choose with. */
export const seeded = (seed: number) => {
  let a = seed >>> 0;
  const next = (): number => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return {
    next,
    int: (n: number): number => Math.floor(next() * n),
    pick: <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)]!,
    chance: (p: number): boolean => next() < p,
  };
};
export type Rng = ReturnType<typeof seeded>;

/**
 * A token as it stands (several with blanks between them; `·` is a blank that stays one, where libpg-query, unlike the
 * server, does not look past a comment for the second word of `NULLS LAST` and the like), or a place where a literal or a
 * list of them is written anew each time.
 */
export type Piece =
  | string
  | { readonly literal: 'number' | 'string' | 'any' }
  | { readonly list: 'number' | 'string' | 'any' }
  | { readonly rows: number };

export interface Statement {
  readonly pieces: readonly Piece[];
  /** `schema.name:operation`, sorted, each once. */
  readonly touches: readonly string[];
}

const BLANKS = [' ', ' ', ' ', '\n', '\t', '  ', ' /* c; */ ', ' -- it\'s; "x\n', " /* a /* nested; */ ' */ ", '\r\n'];

const numberText = (r: Rng): string =>
  r.pick([
    () => String(r.int(100000)),
    () => `${r.int(100)}.${r.int(1000)}`,
    () => `.${r.int(1000)}`,
    () => `${r.int(10)}e${r.int(5)}`,
    () => `${r.int(10)}.5E-${r.int(5)}`,
    () => `0x${r.int(65536).toString(16)}`,
    () => `1_00${r.int(10)}`,
    () => '0b101',
  ])();

const INSIDE = ['a', 'select 1; drop table forbidden', '-- no', '/* no', '$1', '?', '"', 'x y', '', 'ü€😀', '%'];
const stringText = (r: Rng): string => {
  const inside = r.pick(INSIDE);
  return r.pick([
    () => `'${inside}'`,
    () => `'it''s ${inside}'`,
    () => `E'\\'${inside}\\\\'`,
    () => `$$${inside.replaceAll('$', '')};'$$`,
    () => `$tag$${inside};$$ '$tag$`,
    () => `U&'${inside.replaceAll('\\', '')}'`,
    () => `'${inside}'\n  'more'`,
    () => `e'${inside}'\n\t 'more'`,
  ])();
};

const literalText = (r: Rng, kind: 'number' | 'string' | 'any'): string => {
  if (kind === 'number') return numberText(r);
  if (kind === 'string') return stringText(r);
  return r.pick([
    numberText,
    stringText,
    numberText,
    stringText,
    () => 'null',
    () => 'true',
    () => "N'national'",
    () => `$${1 + r.int(9)}`,
  ])(r);
};

const mixCase = (r: Rng, word: string): string => {
  if (!/^[a-z_ ]+$/.test(word)) return word;
  const how = r.int(3);
  if (how === 0) return word;
  if (how === 1) return word.toUpperCase();
  return word.slice(0, 1).toUpperCase() + word.slice(1);
};

/** The statement's text, with literals, blanks and case of its own. */
export const write = (statement: Statement, r: Rng): string => {
  const words: string[] = [];
  for (const piece of statement.pieces) {
    if (typeof piece === 'string') {
      if (piece.includes('"')) words.push(piece);
      else for (const word of piece.split(' ')) words.push(mixCase(r, word.replaceAll('·', ' ')));
    } else if ('literal' in piece) words.push(literalText(r, piece.literal));
    else if ('list' in piece) {
      for (let i = 1 + r.int(4); i > 0; i--) words.push(literalText(r, piece.list), ...(i > 1 ? [','] : []));
    } else {
      for (let row = 1 + r.int(3); row > 0; row--) {
        words.push('(');
        for (let i = piece.rows; i > 0; i--) words.push(literalText(r, 'any'), ...(i > 1 ? [','] : []));
        words.push(')', ...(row > 1 ? [','] : []));
      }
    }
  }
  let text = '';
  for (const word of words) {
    // Punctuation may stand without blanks; words may not.
    const tight = text === '' || /[(),]$/.test(text) || /^[(),]/.test(word);
    text += (tight && r.chance(0.5) ? '' : r.pick(BLANKS)) + word;
  }
  return text;
};

/** Spelling in SQL and name as the server keeps it. */
const RELATIONS: readonly (readonly [sql: string, schema: string, name: string])[] = [
  ['t', '', 't'],
  ['orders', '', 'orders'],
  ['Customers', '', 'customers'],
  ['public.orders', 'public', 'orders'],
  ['"Weird; Name"', '', 'Weird; Name'],
  ['s."T""x"', 's', 'T"x'],
  ['accounts_2', '', 'accounts_2'],
  ['tab$le', '', 'tab$le'],
  ['täglich', '', 'täglich'],
  ['forbidden', '', 'forbidden'],
  [`l${'o'.repeat(70)}ng`, '', `l${'o'.repeat(62)}`],
];
const COLUMNS = ['a', 'b', 'id', 'x.y', '"Mixed"', 'created_at', 'value'];

/** Builds one statement at a time. */
export class Grammar {
  readonly #r: Rng;
  #pieces: Piece[] = [];
  #touches = new Set<string>();
  #ctes: string[] = [];
  #depth = 0;

  constructor(r: Rng) {
    this.#r = r;
  }

  statement(): Statement {
    this.#pieces = [];
    this.#touches = new Set();
    this.#ctes = [];
    this.#depth = 0;
    this.#any();
    return { pieces: this.#pieces, touches: [...this.#touches].sort() };
  }

  #put(...pieces: Piece[]): void {
    this.#pieces.push(...pieces);
  }

  /** A real relation, touched by these operations. */
  #relation(...operations: string[]): void {
    const [sql, schema, name] = this.#r.pick(RELATIONS);
    this.#put(sql);
    for (const operation of operations) this.#touches.add(`${schema}.${name}:${operation}`);
  }

  #any(): void {
    const r = this.#r;
    const query = (): void => this.#query();
    r.pick<() => void>([
      query,
      query,
      query,
      query,
      query,
      query,
      () => this.#utility(),
      () => this.#utility(),
      () => this.#ddl(),
    ])();
  }

  #query(): void {
    const r = this.#r;
    const outer = this.#ctes;
    if (r.chance(0.15) && this.#depth < 2) this.#with();
    r.pick<() => void>([
      () => this.#select(),
      () => this.#select(),
      () => this.#insert(),
      () => this.#update(),
      () => this.#delete(),
      () => this.#merge(),
    ])();
    this.#ctes = outer;
  }

  #with(): void {
    const r = this.#r;
    this.#put('with');
    for (let i = r.int(2); i >= 0; i--) {
      // Often the name of a real relation: it must hide that one, in the right places only.
      const name =
        r.pick(['recent', 't', 'orders', 'forbidden']) + (this.#ctes.length > 1 ? String(this.#ctes.length) : '');
      if (this.#ctes.includes(name)) continue;
      this.#put(name, r.pick(['as', 'as materialized', 'as not materialized']), '(');
      this.#depth++;
      const outer = this.#ctes;
      if (r.chance(0.7)) this.#select();
      else {
        r.pick<() => void>([() => this.#update(), () => this.#delete(), () => this.#insert()])();
        this.#put('returning *');
      }
      this.#ctes = [...outer, name];
      this.#depth--;
      this.#put(')', ',');
    }
    if (this.#pieces.at(-1) === ',') this.#pieces.pop();
    else this.#put('dummy as ( select', { literal: 'any' }, ')');
  }

  #select(): void {
    const r = this.#r;
    this.#depth++;
    this.#put('select');
    if (r.chance(0.1)) this.#put('distinct');
    for (let i = r.int(3); i >= 0; i--) {
      this.#expression();
      if (r.chance(0.2)) this.#put('as', r.pick(['c1', '"null"', 'c2']));
      if (i > 0) this.#put(',');
    }
    const lock = this.#depth === 1 && r.chance(0.1);
    if (r.chance(0.9) || lock) {
      this.#put('from');
      for (let i = r.int(2); i >= 0; i--) {
        this.#from(lock);
        if (i > 0) this.#put(',');
      }
      if (r.chance(0.6)) this.#where();
      if (r.chance(0.1) && !lock) this.#put('group by a having count(*) >', { literal: 'number' });
    }
    if (r.chance(0.2)) this.#put('order by a desc nulls·last');
    if (r.chance(0.2)) this.#put('limit', { literal: 'number' }, 'offset', { literal: 'any' });
    if (lock) this.#put(r.pick(['for update', 'for share nowait', 'for no key update skip locked']));
    else if (this.#depth < 3 && r.chance(0.05) && this.#pieces.at(-1) !== '*') this.#union();
    this.#depth--;
  }

  #union(): void {
    const last = this.#pieces.at(-1);
    if (last === 'order by a desc nulls·last' || typeof last === 'object') return;
    this.#put(this.#r.pick(['union', 'union all', 'except', 'intersect']), '(');
    this.#select();
    this.#put(')');
  }

  #from(lock: boolean): void {
    const r = this.#r;
    const kind = r.int(10);
    if (kind === 0 && this.#depth < 3 && !lock) {
      this.#put('(');
      this.#select();
      this.#put(') as sub');
    } else if (kind === 1) this.#put('generate_series (', { literal: 'number' }, ',', { literal: 'number' }, ') g');
    else if (kind === 2 && this.#ctes.length > 0 && !lock) this.#put(r.pick(this.#ctes));
    else {
      this.#fromRelation(lock);
      if (r.chance(0.3)) this.#put(r.pick(['q', 'as q2']));
      if (r.chance(0.3)) {
        this.#put(r.pick(['join', 'left join', 'inner join', 'full outer join']));
        this.#fromRelation(lock);
        if (r.chance(0.5)) this.#put('using ( a , b )');
        else {
          this.#put('on');
          this.#condition();
        }
      }
    }
  }

  #fromRelation(lock: boolean): void {
    const [sql, schema, name] = this.#r.pick(RELATIONS);
    this.#put(sql);
    if (schema === '' && this.#ctes.includes(name)) return;
    this.#touches.add(`${schema}.${name}:select`);
    if (lock) this.#touches.add(`${schema}.${name}:lock`);
  }

  #where(): void {
    this.#put('where');
    this.#condition();
  }

  #condition(): void {
    const r = this.#r;
    this.#put(r.pick(COLUMNS));
    switch (r.int(12)) {
      case 0:
        this.#put(r.pick(['in', 'not·in']), '(', { list: 'any' }, ')');
        break;
      case 1:
        this.#put('between', { literal: 'number' }, 'and', { literal: 'number' });
        break;
      case 2:
        this.#put(r.pick(['is null', 'is not null', 'is true', 'is not false']));
        break;
      case 3:
        this.#put(r.pick(['like', 'not·ilike', '~', '!~*']), { literal: 'string' });
        break;
      case 4:
        this.#put('= any ( array [', { list: 'number' }, '] )');
        break;
      case 5:
        this.#put(r.pick(['->>', '#>', '?', '?|', '?&', '@>', '@?', '<@']), { literal: 'string' });
        break;
      case 6:
        if (this.#depth < 3) {
          this.#put('= a and exists (');
          this.#select();
          this.#put(')');
          break;
        }
        this.#put('is distinct from', { literal: 'any' });
        break;
      case 7:
        this.#put('=');
        this.#expression();
        break;
      case 8:
        this.#put('in (', { literal: 'string' }, ':: text ,', { literal: 'string' }, ':: varchar ( 5 ) )');
        break;
      default:
        this.#put(r.pick(['=', '<>', '>=', '<', '=-', '>-']), { literal: 'number' });
    }
    if (r.chance(0.3)) {
      this.#put(r.pick(['and', 'or', 'and not']));
      this.#condition();
    }
  }

  #expression(): void {
    const r = this.#r;
    switch (r.int(12)) {
      case 0:
        this.#put({ literal: 'any' });
        break;
      case 1:
        this.#put('coalesce (', r.pick(COLUMNS), ',', { literal: 'any' }, ')');
        break;
      case 2:
        this.#put('case when');
        this.#condition();
        this.#put('then', { literal: 'any' }, 'else', { literal: 'any' }, 'end');
        break;
      case 3:
        this.#put('( a', r.pick(['+', '-', '*', '||', '#', '%']), { literal: 'number' }, ')');
        break;
      case 4:
        this.#put(r.pick(['date', 'timestamp with·time zone', 'interval', 'pg_catalog.int4']), { literal: 'string' });
        break;
      case 5:
        this.#put('cast (', { literal: 'any' }, 'as numeric ( 10 , 2 ) )');
        break;
      case 6:
        this.#put('extract (', r.pick(['year', 'epoch', 'month']), 'from created_at )');
        break;
      case 7:
        if (this.#depth < 3) {
          this.#put('(');
          this.#select();
          this.#put(')');
          break;
        }
        this.#put('null :: int');
        break;
      case 8:
        this.#put('count (*) filter ( where a >', { literal: 'number' }, ') over ( partition by b )');
        break;
      case 9:
        this.#put('( array [', { list: 'any' }, '] ) [ 1 ]');
        break;
      default:
        this.#put(r.pick(COLUMNS));
    }
  }

  #insert(): void {
    const r = this.#r;
    const upsert = r.chance(0.2);
    this.#put('insert into');
    if (upsert) this.#relation('insert', 'update');
    else this.#relation('insert');
    const columns = r.chance(0.7);
    if (columns) this.#put('( a , b )');
    if (r.chance(0.6)) this.#put('values', { rows: 2 });
    else if (!columns) this.#put('default values');
    else this.#select();
    if (!upsert) return;
    // After SELECT … FROM t, ON would be taken for a join's.
    this.#put('on conflict ( a ) do update set b =', { literal: 'any' }, ', a = excluded.a');
  }

  #update(): void {
    const r = this.#r;
    this.#put('update');
    this.#relation('update');
    this.#put('set a =', { literal: 'any' }, ', b = b +', { literal: 'number' });
    if (r.chance(0.2)) {
      this.#put('from');
      this.#fromRelation(false);
    }
    if (r.chance(0.7)) this.#where();
  }

  #delete(): void {
    const r = this.#r;
    this.#put('delete from');
    this.#relation('delete');
    if (r.chance(0.2)) {
      this.#put('using');
      this.#fromRelation(false);
    }
    if (r.chance(0.7)) this.#where();
  }

  #merge(): void {
    const r = this.#r;
    const insert = r.chance(0.5);
    this.#put('merge into');
    if (insert) this.#relation('merge', 'update', 'insert');
    else this.#relation('merge', 'delete');
    this.#put('as target using');
    this.#fromRelation(false);
    this.#put('as source on target.a = source.a when matched then');
    if (!insert) this.#put('delete');
    else
      this.#put(
        'update set b =',
        { literal: 'any' },
        'when not matched then insert values (',
        { literal: 'any' },
        ', a )',
      );
  }

  #utility(): void {
    const r = this.#r;
    r.pick<() => void>([
      () => this.#put(r.pick(['begin', 'commit', 'rollback', 'start transaction', 'discard temp', 'show all'])),
      () =>
        this.#put('set', `${r.pick(['', 'local ', 'session '])}work_mem`, r.pick(['=', 'to']), { literal: 'string' }),
      () => this.#put('savepoint', r.pick(['sp1', 'sp2'])),
      () => {
        this.#put(r.pick(['explain', 'explain analyze', 'explain ( costs off )']));
        this.#query();
      },
      () => {
        this.#put('declare c cursor for');
        this.#select();
      },
      () => {
        this.#put('prepare p as');
        this.#query();
      },
      () => {
        this.#put('copy (');
        this.#select();
        this.#put(') to stdout');
      },
      () => {
        this.#put('copy');
        this.#relation('copy', 'insert');
        this.#put('( a , b ) from stdin with ( format csv , null', { literal: 'string' }, ')');
      },
      () => {
        this.#put('truncate');
        this.#relation('truncate');
        this.#put(',');
        this.#relation('truncate');
      },
      () => {
        this.#put('lock table');
        this.#relation('lock');
        this.#put('in exclusive mode');
      },
      () => this.#put('do', { literal: 'string' }),
      () => this.#put('execute p (', { literal: 'any' }, ')'),
    ])();
  }

  #ddl(): void {
    const r = this.#r;
    r.pick<() => void>([
      () => {
        this.#put('create table');
        this.#relation('create');
        this.#put(
          '( a int not null default',
          { literal: 'number' },
          ', b text check ( b <>',
          { literal: 'string' },
          ') )',
        );
      },
      () => {
        this.#put('create table');
        this.#relation('create', 'insert');
        this.#put('as');
        this.#select();
      },
      () => {
        this.#put('create or replace view');
        this.#relation('create');
        this.#put('as');
        this.#select();
      },
      () => {
        this.#put('create index on');
        this.#relation('alter');
        this.#put('( a ) where b =', { literal: 'string' });
      },
      () => {
        this.#put('alter table');
        this.#relation('alter');
        this.#put('add column c int default', { literal: 'number' });
      },
      () => {
        this.#put('drop table if exists');
        this.#relation('drop');
        this.#put('cascade');
      },
      () => this.#put('create function f ( ) returns int language sql as', { literal: 'string' }),
      () => {
        this.#put('create or replace function f ( ) returns int language sql begin atomic');
        for (let i = r.int(3); i >= 0; i--) {
          if (r.chance(0.5)) this.#query();
          else this.#put('select case when a then 1 else ( case when b then 2 end ) end');
          this.#put(';');
        }
        this.#put('end');
      },
      () => {
        this.#put('create rule r as on insert to');
        this.#relation('alter');
        this.#put('do also (');
        this.#update();
        this.#put(';');
        this.#delete();
        this.#put(')');
      },
      () => {
        this.#put('grant select on');
        this.#relation('grant');
        this.#put('to someone');
      },
      () => {
        this.#put('comment on table');
        this.#relation('comment');
        this.#put('is', { literal: 'string' });
      },
    ])();
  }
}
