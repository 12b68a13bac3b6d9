import type { CelExpr } from './cel/cel-expr.ts';
import type { CidrConfig } from './cidr.ts';
import type { StringMatch } from './string-match.ts';

/**
 * Envoy's network RBAC after checking: plain data of the snapshot, with Permission and Principal as one kind of rule.
 * Made by config/rbac-schema.ts.
 */
export interface RbacConfig {
  readonly stat_prefix: string;
  readonly shadow_rules_stat_prefix: string;
  readonly enforcement_type: 'ONE_TIME_ON_FIRST_BYTE' | 'CONTINUOUS';
  /** How long a denied connection is held before it is closed; 0 = not at all. */
  readonly delay_deny: number;
  /** Null: nothing is enforced. */
  readonly enforced: RuleSet | null;
  readonly shadow: RuleSet | null;
}

/** `config.rbac.v3.RBAC`, or a tree of the unified matching API. */
export type RuleSet =
  | { readonly kind: 'rules'; readonly action: Action; readonly policies: readonly PolicyRules[] }
  | { readonly kind: 'matcher'; readonly matcher: Matcher };

export type Action = 'ALLOW' | 'DENY' | 'LOG';

/** Matches if one of the permissions, one of the principals and the condition do. In the order of names' bytes. */
export interface PolicyRules {
  readonly name: string;
  readonly permissions: readonly Rule[];
  readonly principals: readonly Rule[];
  readonly condition: Condition | null;
}

export interface Condition {
  readonly expr: CelExpr;
  /** Envoy's CelExpressionConfig: what of strings is switched on besides. */
  readonly strings: CelStrings;
}

export interface CelStrings {
  readonly conversion: boolean;
  readonly concat: boolean;
  readonly functions: boolean;
}

/** Of which address of the connection. `direct`: the physical peer; there is no PROXY protocol yet, so it is `remote`. */
export type AddressOf = 'local' | 'remote' | 'direct';

export type Rule =
  | { readonly is: 'any' }
  /** Of HTTP, of a route, of TLS, or of a filter state: there is none, so it never matches. */
  | { readonly is: 'never' }
  | { readonly is: 'all'; readonly rules: readonly Rule[] }
  | { readonly is: 'some'; readonly rules: readonly Rule[] }
  | { readonly is: 'not'; readonly rule: Rule }
  | { readonly is: 'ip'; readonly of: AddressOf; readonly range: CidrConfig }
  /** The connection's local port; `to` is not in it. */
  | { readonly is: 'port'; readonly from: number; readonly to: number }
  | { readonly is: 'server_name'; readonly match: StringMatch }
  | { readonly is: 'metadata'; readonly match: MetadataMatch };

/** `type.matcher.v3.MetadataMatcher` over dynamic metadata. */
export interface MetadataMatch {
  readonly namespace: string;
  readonly path: readonly string[];
  readonly value: ValueMatch;
  readonly invert: boolean;
}

/** `type.matcher.v3.ValueMatcher`. */
export type ValueMatch =
  | { readonly is: 'null' }
  | { readonly is: 'number'; readonly exact: number }
  /** `to` is not in it. */
  | { readonly is: 'range'; readonly from: number; readonly to: number }
  | { readonly is: 'string'; readonly match: StringMatch }
  | { readonly is: 'bool'; readonly value: boolean }
  | { readonly is: 'present'; readonly value: boolean }
  | { readonly is: 'list'; readonly oneOf: ValueMatch }
  | { readonly is: 'or'; readonly of: readonly ValueMatch[] };

/** `xds.type.matcher.v3.Matcher`. */
export interface Matcher {
  readonly test: MatcherTest | null;
  readonly onNoMatch: OnMatch | null;
}

export type OnMatch =
  | { readonly kind: 'action'; readonly name: string; readonly action: Action }
  | { readonly kind: 'matcher'; readonly matcher: Matcher };

export type MatcherTest =
  /** The first that matches wins. */
  | { readonly kind: 'list'; readonly entries: readonly { readonly when: Predicate; readonly next: OnMatch }[] }
  | { readonly kind: 'exact'; readonly input: Input; readonly map: readonly (readonly [string, OnMatch])[] }
  /** The longest prefix wins. */
  | { readonly kind: 'prefix'; readonly input: Input; readonly map: readonly (readonly [string, OnMatch])[] }
  /** The longest range that holds the address wins. */
  | {
      readonly kind: 'ip';
      readonly input: Input;
      readonly ranges: readonly {
        readonly ranges: readonly CidrConfig[];
        readonly next: OnMatch;
        readonly exclusive: boolean;
      }[];
    };

export type Predicate =
  | { readonly is: 'all' | 'some'; readonly of: readonly Predicate[] }
  | { readonly is: 'not'; readonly of: Predicate }
  | { readonly is: 'text'; readonly input: Input; readonly match: StringMatch }
  | { readonly is: 'ip'; readonly input: Input; readonly ranges: readonly CidrConfig[] };

/** What a matcher looks at. `server_name`, certificates and filter states: there is no TLS and no such state yet. */
export type Input =
  | { readonly of: 'source_ip' | 'source_port' | 'direct_source_ip' | 'destination_ip' | 'destination_port' }
  | { readonly of: 'nothing' }
  /** An environment variable, read when the configuration was. */
  | { readonly of: 'constant'; readonly text: string };
