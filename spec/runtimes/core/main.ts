import { channels } from './channels.ts'
import { commonJs } from './commonJs.ts'
import { deletes } from './deletes.ts'
import { errors } from './errors.ts'
import { once } from './once.ts'
import { order } from './order.ts'
import { reads } from './reads.ts'
import { rows } from './rows.ts'
import { Keyspace, type Outcome, type Suite } from './suite.ts'
import { tls } from './tls.ts'
import { web } from './web.ts'

const suites: Readonly<Record<string, Suite>> = {
  rows,
  reads,
  deletes,
  order,
  web,
  once,
  tls,
  errors,
  channels,
  require: commonJs,
}

const say = (outcome: Outcome) => console.log(JSON.stringify(outcome))

const keyspace = await Keyspace.create()
for (const [suite, cases] of Object.entries(suites)) {
  for (const [name, run] of Object.entries(cases)) {
    try {
      await run(keyspace)
      say({ suite, name })
    } catch (error) {
      say({ suite, name, error: error instanceof Error ? `${error.stack}` : String(error) })
    }
  }
}
await keyspace.drop()
