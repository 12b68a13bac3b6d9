import { apiOf, decodes, hasReplyTags, isFlexible } from '../schema/api.ts';
import { FIXED_BYTES, type Field, type FieldType, fieldsOf, within } from '../schema/field.ts';

/** What a walk does next. Numbers, so that a switch is a jump. */
export const StepKind = {
  /** `size` bytes are passed over. */
  skip: 0,
  /** A length (of the layout that `size` tells), and that many bytes. */
  bytes: 1,
  /** A count, and that many elements of `size` bytes each. */
  fixedList: 2,
  /** A count, and that many times `steps`. */
  list: 3,
  /** A byte: below 0 there is no struct, else `steps`. */
  maybe: 4,
  /** An int32: who the addresses behind it belong to. */
  nodeId: 5,
  /** A string and, right behind it, its port of `size` bytes. */
  address: 6,
  /** A count, and that many tagged fields (`steps` is one). */
  tags: 7,
  /** A tagged field: those in `tags` hold addresses, all others are passed over. */
  tag: 8,
  /** `steps`, once. */
  struct: 9,
} as const;

/** How a length or count is written; of these also `size` of `bytes`. */
export const Layout = { int16: 2, int32: 4, compact: 1 } as const;

export interface Step {
  readonly kind: number;
  readonly size: number;
  /** Of a list's count or an address's length. */
  readonly layout: number;
  readonly steps: readonly Step[];
  readonly tags: ReadonlyMap<number, readonly Step[]> | null;
}

/** How one version of one reply is walked, from behind its correlation id on. */
export interface WalkPlan {
  readonly steps: readonly Step[];
  /** A reply without has nothing to rewrite. */
  readonly hasAddresses: boolean;
}

const NO_STEPS: readonly Step[] = [];
const plans = new Map<number, WalkPlan>();

/** Null: this version is not in the tables. */
export function planOf(key: number, version: number): WalkPlan | null {
  if (apiOf(key) === null || !decodes(key, version)) return null; // so the cache is bounded by the tables
  const slot = key * 0x1_0000 + version;
  const known = plans.get(slot);
  if (known !== undefined) return known;
  const plan = makePlan(key, version);
  plans.set(slot, plan);
  return plan;
}

function makePlan(key: number, version: number): WalkPlan {
  const fields = fieldsOf(key, 'response');
  const writer = new PlanWriter(version, isFlexible(key, version));
  const body = writer.struct(fields);
  const steps = hasReplyTags(key, version) ? [writer.headerTags, ...body] : body;
  return { steps, hasAddresses: namesAddresses(fields, version) };
}

const isIn = (field: Field, version: number): boolean => within(version, field.versions);
const isTagged = (field: Field, version: number): boolean => field.tag >= 0 && within(version, field.tagged);

/**
 * A broker's address is a `host` beside a `port`, everywhere in the schemas; hosts of ACLs and of groups' members have none.
 * Groups of Kafka Streams name endpoints that their clients offer to each other: these lead nobody to a broker.
 */
function namesAddresses(fields: readonly Field[], version: number): boolean {
  const present = fields.filter((field) => isIn(field, version));
  if (isAddress(present)) return true;
  return present.some((field) => !isOfClients(field) && namesAddresses(field.fields, version));
}

const isOfClients = (field: Field): boolean => /userEndpoint$/i.test(field.name);

const isAddress = (present: readonly Field[]): boolean =>
  present.some(({ name, type }) => name === 'host' && type === 'string') && present.some(({ name }) => name === 'port');

const NODE_ID = new Set(['nodeId', 'brokerId', 'leaderId']);

class PlanWriter {
  readonly #version: number;
  readonly #isFlexible: boolean;

  constructor(version: number, isFlexible: boolean) {
    this.#version = version;
    this.#isFlexible = isFlexible;
  }

  struct(fields: readonly Field[], isOfClient = false): readonly Step[] {
    const version = this.#version;
    const present = fields.filter((field) => isIn(field, version));
    const inLine = present.filter((field) => !isTagged(field, version));
    const hasAddresses = !isOfClient && namesAddresses(fields, version);
    const steps: Step[] = [];
    for (let i = 0; i < inLine.length; i++) {
      const field = inLine[i]!;
      const next = inLine[i + 1];
      if (hasAddresses && field.name === 'host' && next?.name === 'port') {
        steps.push(step(StepKind.address, FIXED_BYTES[next.type], this.#layoutOf('string')));
        i++;
      } else if (hasAddresses && field.type === 'int32' && !field.isList && NODE_ID.has(field.name)) {
        steps.push(step(StepKind.nodeId));
      } else steps.push(this.#field(field, isOfClient));
    }
    if (this.#isFlexible) steps.push(this.#tags(present.filter((field) => isTagged(field, version))));
    return joinSkips(steps);
  }

  #field(field: Field, isWithin: boolean): Step {
    const isOfClient = isWithin || isOfClients(field);
    if (field.isList) {
      const layout = this.#isFlexible ? Layout.compact : Layout.int32;
      if (field.type === 'struct') {
        const steps = this.struct(field.fields, isOfClient);
        return steps.length > 0 ? step(StepKind.list, 0, layout, steps) : step(StepKind.fixedList, 0, layout);
      }
      const size = FIXED_BYTES[field.type];
      if (size > 0) return step(StepKind.fixedList, size, layout);
      return step(StepKind.list, 0, layout, [step(StepKind.bytes, 0, this.#layoutOf(field.type))]);
    }
    if (field.type === 'struct') {
      const steps = this.struct(field.fields, isOfClient);
      if (within(this.#version, field.nullable)) return step(StepKind.maybe, 0, 0, steps);
      return step(StepKind.struct, 0, 0, steps);
    }
    const size = FIXED_BYTES[field.type];
    return size > 0 ? step(StepKind.skip, size) : step(StepKind.bytes, 0, this.#layoutOf(field.type));
  }

  /** Of the reply's header: none of them is known to hold an address. */
  get headerTags(): Step {
    return this.#tags([]);
  }

  #tags(tagged: readonly Field[]): Step {
    const tags = new Map<number, readonly Step[]>();
    for (const field of tagged) {
      const isAddressed = !isOfClients(field) && namesAddresses(field.fields, this.#version);
      if (isAddressed) tags.set(field.tag, [this.#field(field, false)]);
    }
    const one: Step = { ...step(StepKind.tag), tags: tags.size > 0 ? tags : null };
    return step(StepKind.tags, 0, 0, [one]);
  }

  #layoutOf(type: FieldType): number {
    if (this.#isFlexible) return Layout.compact;
    return type === 'string' ? Layout.int16 : Layout.int32;
  }
}

const step = (kind: number, size = 0, layout = 0, steps = NO_STEPS): Step => ({
  kind,
  size,
  layout,
  steps,
  tags: null,
});

function joinSkips(steps: readonly Step[]): readonly Step[] {
  const joined: Step[] = [];
  for (const each of steps) {
    const last = joined.at(-1);
    if (each.kind === StepKind.skip && last?.kind === StepKind.skip)
      joined[joined.length - 1] = step(StepKind.skip, last.size + each.size);
    else joined.push(each);
  }
  return joined;
}
