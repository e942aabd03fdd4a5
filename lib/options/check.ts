import { OptionError } from '../errors.ts'
import type { writeEntries } from './entries.ts'
import type { Entries, Kind } from './entry.ts'
import { unknownOption } from './optionNames.ts'
import { shown } from './shown.ts'

type ValueOf<Entry> = Entry extends Kind<infer Value> ? Value : never

/** Options that were given, each in its one form. */
export type Checked<Known extends Entries> = { readonly [Name in keyof Known]?: ValueOf<Known[Name]> }

/** All options in their one form, with their defaults. */
export type Defaulted<Known extends Entries> = {
  readonly [Name in keyof Known]:
    | ValueOf<Known[Name]>
    | (Known[Name] extends { readonly fallback: unknown } ? never : undefined)
}

export type Given = Checked<typeof writeEntries>

/** Options whose value never appears in a message. */
const secrets: ReadonlySet<string> = new Set(['password', 'ssl_client_key', 'client', 'client_options'])

/**
 * Refuses unknown names and values of the wrong form. A value of undefined counts as not given.
 * @throws OptionError `ERR_CASSANDRA_OPTION_UNKNOWN` or `ERR_CASSANDRA_OPTION`.
 */
export function checkEach<Known extends Entries>(options: unknown, known: Known): Checked<Known> {
  if (typeof options !== 'object' || options === null) {
    throw refuse('options', `Expected options to be an object, got ${shown(options)}`)
  }
  // The copy has no prototype, so a polluted `Object.prototype` cannot add options.
  const checked = Object.create(null) as Record<string, unknown>
  for (const [name, given] of Object.entries(options)) {
    const entry = Object.hasOwn(known, name) ? known[name] : undefined
    if (entry === undefined) throw unknownOption(name, Object.keys(known))
    if (given === undefined) continue
    const value = entry.read === undefined ? given : entry.read(given)
    if (!entry.accepts(value)) {
      const got = secrets.has(name) ? `a value of type ${typeof given}` : shown(given)
      throw refuse(name, `Expected \`${name}\` to be ${entry.expected}, got ${got}`)
    }
    checked[name] = value
  }
  return checked as Checked<Known>
}

/** The given options, and the defaults of the others. */
export function withDefaults<Known extends Entries>(given: Checked<Known>, known: Known): Defaulted<Known> {
  const all = Object.entries(known).map(([name, { fallback }]) => [name, given[name] ?? fallback])
  return Object.fromEntries(all) as Defaulted<Known>
}

export function refuse(option: string, message: string): OptionError {
  return new OptionError('ERR_CASSANDRA_OPTION', option, message)
}
