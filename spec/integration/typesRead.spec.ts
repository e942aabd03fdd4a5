import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CqlType, cqlTypeName, parseCqlType, scalarNames } from '../../lib/table/cqlType.ts'
import { classRead, kindRead } from '../values/classRead.ts'
import { isReadable, nestedType } from '../values/randomTypes.ts'
import { samplesOf } from '../values/samples.ts'
import { useKeyspace } from './keyspace.ts'
import { runs, seed, timeout, ValueTable } from './valueTable.ts'

const ks = useKeyspace('types_read_spec')

const place = {
  fields: [
    { name: 'street', type: 'text' },
    { name: 'Zip code', type: 'int' },
  ],
}
const named = [
  'frozen<list<decimal>>',
  'frozen<set<inet>>',
  'frozen<map<timeuuid, duration>>',
  'frozen<map<frozen<list<int>>, frozen<place>>>',
  'frozen<tuple<bigint, varint, frozen<list<date>>>>',
  'frozen<place>',
  'vector<float, 3>',
  'vector<frozen<set<time>>, 2>',
  'vector<frozen<place>, 2>',
].map(text => parseCqlType(text, name => (name === 'place' ? place.fields : undefined)))
const random = fc.sample(
  nestedType.filter(type => type.kind !== 'scalar' && isReadable(type)),
  { seed, numRuns: 4 },
)
const all = [...scalarNames.map((name): CqlType => ({ kind: 'scalar', name })), ...named, ...random].map(
  (type, i) => ({ type, name: cqlTypeName(type).slice(0, 100), i }),
)

describe(`what is read, written and read again is the same (seed ${seed})`, () => {
  it.for(all)('$name ($i)', { timeout }, async ({ type }) => {
    const table = await ValueTable.create(ks, type)
    const samples = fc.sample(samplesOf(table.type), { seed, numRuns: runs })
    expect(await table.faultOf(samples)).toBeUndefined()
    const values = [...(await table.values())]
    expect(values.length).toBeGreaterThan(runs / 4)
    expect([...new Set(values.map(([, value]) => kindRead(value)))]).toEqual([classRead(type)])
    const again = values.map(([id, given]) => ({ given, meaning: samples[id]?.meaning ?? null }))
    expect(await table.faultOf(again)).toBeUndefined()
  })

  it('a timestamp that the driver cannot read is refused and not stored as another one', async () => {
    const table = await ValueTable.create(ks, { kind: 'scalar', name: 'timestamp' })
    const beyond = [{ given: 8_640_000_000_000_001n, meaning: '8640000000000001' }]
    expect(await table.faultOf(beyond)).toBeUndefined()
    const [[, read] = []] = await table.values()
    expect(read).toBeInstanceOf(Date)
    expect(await table.faultOf([{ given: read, meaning: null }])).toMatchObject({
      what: expect.stringContaining('an invalid Date'),
    })
  })

  it('a vector of user-defined types that contain a vector is stored, although the driver cannot read it', async () => {
    const near = { fields: [{ name: 'near', type: 'vector<float, 2>' }] }
    const type = parseCqlType('vector<frozen<near>, 2>', () => near.fields)
    expect(isReadable(type)).toBe(false)
    const table = await ValueTable.create(ks, type)
    const given = [{ near: [1, 2.5] }, { near: [-1, 0] }]
    expect(await table.faultOf([{ given, meaning: [[['1', '2.5']], [['-1', '0']]] }])).toBeUndefined()
    await expect(table.values()).rejects.toThrow('Not a valid type')
  })
})
