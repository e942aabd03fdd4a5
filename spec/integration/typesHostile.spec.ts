import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RowError } from '../../lib/index.ts'
import { writeSettingsOf } from '../../lib/options/settings.ts'
import { type CqlType, cqlTypeName, parseCqlType, scalarNames } from '../../lib/table/cqlType.ts'
import { DoubtfulRow } from '../../lib/write/doubtfulRow.ts'
import { openWriter } from '../../lib/write/openWriter.ts'
import { Progress } from '../../lib/write/progress.ts'
import { Tally } from '../../lib/write/tally.ts'
import { corruptedOf } from '../values/corrupt.ts'
import { hostileTrials, type Trial } from '../values/hostile.ts'
import { useKeyspace } from './keyspace.ts'
import { runs, seed, timeout, ValueTable } from './valueTable.ts'

const ks = useKeyspace('types_hostile_spec')

const place = {
  fields: [
    { name: 'street', type: 'text' },
    { name: 'Zip code', type: 'int' },
  ],
}
const nestedTypes = [
  'frozen<list<int>>',
  'frozen<set<int>>',
  'frozen<set<decimal>>',
  'frozen<set<double>>',
  'frozen<set<timestamp>>',
  'frozen<set<uuid>>',
  'frozen<set<inet>>',
  'frozen<set<frozen<set<int>>>>',
  'frozen<map<boolean, text>>',
  'frozen<map<int, frozen<list<text>>>>',
  'frozen<map<frozen<set<text>>, int>>',
  'frozen<tuple<int, text>>',
  'vector<float, 3>',
  'vector<text, 2>',
  'frozen<place>',
  'frozen<list<frozen<place>>>',
  'vector<frozen<place>, 2>',
].map(text => parseCqlType(text, name => (name === 'place' ? place.fields : undefined)))

/**
 * Gives each value to the table writer that every sink uses, and checks whether it is accepted. A refusal must say what to
 * do, and an accepted value must be read back with its one meaning.
 */
async function refusedOrExact(
  table: ValueTable,
  trials: readonly Trial[],
): Promise<{ taken: number; refused: number }> {
  const failures: Error[] = []
  const writer = await openWriter(
    writeSettingsOf(table.target),
    {
      tally: new Tally(),
      progress: new Progress(
        { keyspace: 'ks', table: 't' },
        () => false,
        () => {},
      ),
      onFailure: error => failures.push(error),
    },
    new AbortController().signal,
  )
  const taken = new Map<number, Trial>()
  try {
    for (const [i, trial] of trials.entries()) {
      const id = 5 * i
      const taking = writer.encode(table.row(trial.given, id))
      // A sink would first check whether the field has been added.
      const row = taking instanceof DoubtfulRow ? taking.error : taking
      if (row instanceof Error) {
        expectUseful(row, i, table.type)
        continue
      }
      if (trial.meaning === undefined)
        throw new Error(`${shown(trial.given)} must be refused and is not (value ${i})`)
      taken.set(id, trial)
      await writer.add(row)
    }
    await writer.drain()
  } finally {
    await writer.close()
  }
  const meanings = new Map([...taken].map(([id, { meaning = null }]) => [id, meaning]))
  const difference = await table.differenceFrom(meanings)
  if (difference !== undefined) {
    throw new Error(
      `${shown(taken.get(difference.id)?.given)}: ${difference.what} (value ${difference.id / 5})`,
    )
  }
  return { taken: taken.size, refused: trials.length - taken.size }
}

function expectUseful(error: Error, index: number, type: CqlType): void {
  expect(error).toBeInstanceOf(RowError)
  const { code, row_index, column, cql_type, expected, message } = error as RowError
  expect({ code, row_index }).toEqual({ code: 'ERR_CASSANDRA_VALUE', row_index: index })
  expect(column).toMatch(/^(constructor|Zip code)/)
  if (type.kind === 'scalar') expect(cql_type).toBe(type.name)
  expect(expected?.length).toBeGreaterThan(5)
  expect(message).toContain(cql_type)
  expect(message.length).toBeLessThan(700)
}

function shown(value: unknown): string {
  try {
    return inspect(value, { depth: 4 })
  } catch {
    return 'a value that cannot be shown'
  }
}

describe(`${runs} bad and borderline values of each type are refused or stored exactly (seed ${seed})`, () => {
  it.for(scalarNames)('%s', { timeout }, async name => {
    const table = await ValueTable.create(ks, { kind: 'scalar', name })
    // One in fifty of these values is a boolean, so a few have none.
    const numRuns = name === 'boolean' ? 10 * runs : runs
    const { taken, refused } = await refusedOrExact(table, fc.sample(hostileTrials(name), { seed, numRuns }))
    expect(taken).toBeGreaterThan(0)
    expect(refused).toBeGreaterThan(runs / 20)
  })

  it.for(nestedTypes.map(type => ({ type, name: cqlTypeName(type) })))(
    '$name with a part that is wrong',
    { timeout },
    async ({ type }) => {
      const table = await ValueTable.create(ks, type)
      const corrupted = fc.sample(corruptedOf(table.type), { seed, numRuns: runs })
      const trials = corrupted.map(({ given }) => ({ given, meaning: undefined }))
      expect(await refusedOrExact(table, trials)).toEqual({ taken: 0, refused: runs })
    },
  )
})
