import { inspect } from 'node:util'
import { everything } from '../everything.ts'
import { failures, type Stage } from './failures.ts'

/** Prints whatever comes out of each failure as programs do, and ends with one that nobody handles. */
const stage: Stage = JSON.parse(process.argv[2] ?? '')
const print = (value: unknown) => console.log(inspect(value, everything))

for (const [name, provoke] of Object.entries(failures)) {
  await provoke(stage, print).then(
    () => console.log(`${name}: did not fail`),
    (error: unknown) => {
      console.error(error)
      print(error)
    },
  )
}
await failures['a wrong password']?.(stage, print)
