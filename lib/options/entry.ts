/** What an option accepts, and the one form in which it is passed on. */
export interface Kind<Value = unknown> {
  /** In words, for refusals and for the tables of options. */
  readonly expected: string
  /** Whether `expected` says more than a TypeScript type can. */
  readonly isBounded?: boolean
  /** The value in its one form: the digits `9042` become a number. A value that it cannot read stays as it is. */
  readonly read?: (given: unknown) => unknown
  readonly accepts: (value: unknown) => value is Value
}

/** The single source of an option: settings, refusals, comments and the tables of docs/options.md come from it. */
export interface OptionEntry<Value = unknown> extends Kind<Value> {
  /** In Markdown: one sentence or more, with a lower-case first letter. */
  readonly meaning: string
  /** The default, in its one form. */
  readonly fallback?: Value
  /** In words, what holds without the option when that is not a value. */
  readonly otherwise?: string
}

export type Entries = Readonly<Record<string, OptionEntry>>

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

export const text: Kind<string> = { expected: 'a non-empty string', accepts: isText }

/** A whole number without sign, leading zeros or white space, so that it can be read in one way only. */
const digits = /^(?:0|[1-9]\d{0,15})$/

export function integer(from: number, to: number): Kind<number> {
  return {
    expected: `an integer from ${from} to ${to}`,
    isBounded: true,
    read: given => (typeof given === 'string' && digits.test(given) ? Number(given) : given),
    accepts: (value): value is number =>
      Number.isSafeInteger(value) && (value as number) >= from && (value as number) <= to,
  }
}

const words = new Map([
  ['true', true],
  ['false', false],
])

export const flag: Kind<boolean> = {
  expected: 'true or false',
  read: given => (typeof given === 'string' ? (words.get(given.toLowerCase()) ?? given) : given),
  accepts: value => typeof value === 'boolean',
}

export function oneOf<const Name extends string>(names: readonly Name[]): Kind<Name> {
  return {
    expected: `one of ${names.join(', ')}`,
    accepts: (value): value is Name => names.some(name => name === value),
  }
}

export function object<Value>(expected: string, member?: string): Kind<Value> {
  return {
    expected,
    accepts: (value): value is Value =>
      typeof value === 'object' && value !== null && (member === undefined || member in value),
  }
}
