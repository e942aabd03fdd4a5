import fc from 'fast-check'
import { describe, it } from 'vitest'
import { type CqlType, cqlTypeName, parseCqlType, scalarNames } from '../../lib/table/cqlType.ts'
import { holdsVector, nestedType } from '../values/randomTypes.ts'
import { samplesOf } from '../values/samples.ts'
import { distantTimestamps } from '../values/scalars.ts'
import { useKeyspace } from './keyspace.ts'
import { hasVectors } from './series.ts'
import { runs, seed, storesExactly, timeout, ValueTable } from './valueTable.ts'

const ks = useKeyspace('types_spec')

const place = {
  fields: [
    { name: 'street', type: 'text' },
    { name: 'Zip code', type: 'int' },
    { name: 'toString', type: 'frozen<list<inet>>' },
  ],
}
const embedded = {
  fields: [
    { name: 'n', type: 'int' },
    { name: 'near', type: 'vector<float, 2>' },
  ],
}
const userTypes: Record<string, { fields: { name: string; type: string }[] }> = { place, embedded }
const namedTypes = [
  'frozen<list<int>>',
  'frozen<list<frozen<set<decimal>>>>',
  'frozen<set<text>>',
  'frozen<set<inet>>',
  'frozen<set<frozen<set<varint>>>>',
  'frozen<map<text, int>>',
  'frozen<map<timeuuid, frozen<map<decimal, blob>>>>',
  'frozen<tuple<int, text, frozen<tuple<date, time>>>>',
  'frozen<place>',
  'frozen<map<frozen<place>, frozen<list<frozen<place>>>>>',
  'vector<float, 3>',
  'vector<text, 2>',
  'vector<frozen<list<bigint>>, 2>',
  'vector<vector<double, 2>, 2>',
  'vector<frozen<place>, 2>',
  'vector<frozen<tuple<int, frozen<place>>>, 2>',
  'vector<frozen<map<text, frozen<embedded>>>, 1>',
  'frozen<list<vector<frozen<place>, 1>>>',
  'frozen<embedded>',
  'frozen<list<duration>>',
].map(text => parseCqlType(text, name => userTypes[name]?.fields))

const randomTypes = fc.sample(
  nestedType.filter(type => type.kind !== 'scalar'),
  { seed, numRuns: runs >= 1000 ? 24 : 9 },
)

const isKnown = (type: CqlType) => hasVectors || !holdsVector(type)

const title = (type: CqlType) => cqlTypeName(type).slice(0, 100)

describe(`${runs} values of each type, written through a sink and read back two ways (seed ${seed})`, () => {
  const scalars = scalarNames.map((name): CqlType => ({ kind: 'scalar', name }))
  // Also each type in a vector, because vectors store some types without a length.
  const pairs: CqlType = {
    kind: 'tuple',
    elements: scalars.map(element => ({ kind: 'vector', element, dimension: 2 })),
  }
  const all = [...scalars, pairs, ...namedTypes, ...randomTypes].filter(isKnown).map((type, i) => ({
    type,
    name: title(type),
    i,
  }))

  it.for(all)('stores $name exactly ($i)', { timeout }, async ({ type }) => {
    const table = await ValueTable.create(ks, type)
    const samples = samplesOf(table.type)
    const isMoment = type.kind === 'scalar' && type.name === 'timestamp'
    await storesExactly(table, isMoment ? fc.oneof(samples, distantTimestamps) : samples)
  })
})
