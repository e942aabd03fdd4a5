import { OptionError } from '../errors.ts'
import type { TableSchema } from '../table/schema.ts'

/** Strings, quoted names, names and numbers, and every other character by itself. */
const tokenForm = /'(?:[^']|'')*'|\$\$[\s\S]*?\$\$|"(?:[^"]|"")*"|[A-Za-z]\w*|[\d.]+|--|\/\/|\/\*|\s+|[\s\S]/g

/** Clauses that would apply to each range instead of the whole read, by their first words. Columns may have such names too. */
const clauses = /^(?:limit |order by|group by|per partition|allow filtering)/

/** Conditions of a SELECT as they were given, and what they restrict. */
export interface Where {
  readonly text: string
  /** Whether the whole partition key is named by `=` or `IN`, so that only these partitions are read. */
  readonly isOfPartitions: boolean
  /** Columns with conditions, as far as they can be found. */
  readonly columns: ReadonlySet<string>
}

/**
 * Parses the conditions as far as the client needs them. Cassandra decides whether they are valid.
 * @throws OptionError if they are more than conditions
 */
export function whereOf(text: string, { columns }: TableSchema): Where {
  const tokens = text.match(tokenForm)?.filter(token => token.trim() !== '') ?? []
  for (const [i, token] of tokens.entries()) {
    if (token === ';' || token === '--' || token === '//' || token === '/*')
      throw refused(`has \`${token}\``, 'conditions alone, joined by AND')
    if (clauses.test(`${token} ${tokens[i + 1]}`.toLowerCase()))
      throw refused(`has ${token.toUpperCase()}`, 'conditions alone')
    if (token.toLowerCase() === 'token' && tokens[i + 1] === '(')
      throw refused('names token()', 'conditions on columns: the ring is read in ranges')
    if (token === "'" || token === '"') throw refused('has a quote that is not closed', 'conditions alone')
  }
  if (tokens.length === 0) throw refused('is empty', 'a condition')
  const named = new Set(conditionsIn(tokens).flatMap(equalColumnOf))
  const keys = columns.filter(({ kind }) => kind === 'partition_key')
  const all = conditionsIn(tokens).flatMap(([name = '']) => columnNamed(name))
  return { text, isOfPartitions: keys.every(({ name }) => named.has(name)), columns: new Set(all) }
}

/** The tokens between ANDs outside brackets. */
function conditionsIn(tokens: readonly string[]): string[][] {
  const found: string[][] = [[]]
  let depth = 0
  for (const token of tokens) {
    if ('([{'.includes(token)) depth++
    if (')]}'.includes(token)) depth--
    if (depth === 0 && token.toLowerCase() === 'and') found.push([])
    else found.at(-1)?.push(token)
  }
  return found
}

/** The column of `column = …` and `column IN …`. */
function equalColumnOf([name = '', operator = '']: readonly string[]): string[] {
  if (operator !== '=' && operator.toLowerCase() !== 'in') return []
  return columnNamed(name)
}

function columnNamed(name: string): string[] {
  if (name.startsWith('"')) return [name.slice(1, -1).replaceAll('""', '"')]
  return /^\w+$/.test(name) ? [name.toLowerCase()] : []
}

function refused(what: string, expected: string): OptionError {
  return new OptionError(
    'ERR_CASSANDRA_OPTION',
    'where',
    `Expected \`where\` to have ${expected}, and it ${what}`,
  )
}
