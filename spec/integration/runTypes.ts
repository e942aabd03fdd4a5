// npm run test:types -- --runs 5000 --seed 7  runs the specs of types with more values, or repeats an earlier run
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
for (const [name, text] of Object.entries(values)) {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new Error(`Expected --${name} to be a positive integer, got ${text}`)
}
console.log(`${values.runs} values of each type, seed ${values.seed}`)
const { status } = spawnSync(
  'npx',
  ['vitest', 'run', '--project', 'integration', 'spec/integration/types', '--reporter', 'verbose'],
  { stdio: 'inherit', env: { ...process.env, TYPES_RUNS: values.runs, TYPES_SEED: values.seed } },
)
process.exitCode = status ?? 1
