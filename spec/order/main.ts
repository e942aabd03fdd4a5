import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { startCassandra } from '../../lib/testing/index.ts'
import { Stage } from './stage.ts'

/** `npm run test:order -- --histories 2000 --seed 1` compares random histories on a real server with the model. */
const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(randomInt(1_000_000_000)) },
    lanes: { type: 'string', default: '24' },
    /** Whether to use transactional tables of Cassandra 6, at consistency QUORUM. */
    accord: { type: 'boolean', default: false },
  },
})
const [histories, seed, lanes] = [Number(values.histories), Number(values.seed), Number(values.lanes)]
console.log(`${histories} histories from seed ${seed}`)

await using cassandra = await startCassandra()
const [host = '', port = '9042'] = cassandra.contactPoints[0]?.split(':') ?? []
const server = { host, port: Number(port), localDataCenter: cassandra.localDataCenter }
const accord = { properties: "transactional_mode = 'full'", consistency: 'QUORUM' } as const
const stage = await Stage.open(server, values.accord ? accord : {})
const started = performance.now()
let done = 0
const outcomes = await stage.run(seed, histories, lanes, () => {
  if (++done % 100 === 0)
    console.log(`${done} done after ${Math.round((performance.now() - started) / 1000)} s`)
})
const sum = (count: (outcome: (typeof outcomes)[number]) => number) =>
  outcomes.reduce((total, outcome) => total + count(outcome), 0)
const different = outcomes.filter(({ differences }) => differences.length > 0)
console.log(
  `${outcomes.length} histories, ${sum(({ rows }) => rows)} rows, ${sum(({ faults }) => faults)} faults: ` +
    `${different.length} with differences, ` +
    `${sum(({ ending }) => Number(ending === 'out of attempts'))} out of attempts, ` +
    `${sum(({ ending }) => Number(ending === 'row blamed'))} with a row blamed`,
)
for (const { seed, differences } of different) {
  console.error(`Seed ${seed} (again: npm run test:order -- --histories 1 --seed ${seed})`)
  for (const difference of differences.slice(0, 20)) console.error(`  ${difference}`)
}
process.exitCode = different.length === 0 && outcomes.length > 0 ? 0 : 1
await stage.close()
