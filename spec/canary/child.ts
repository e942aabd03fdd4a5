import { inspect } from 'node:util'
import { everything } from '../everything.ts'
import { failures, type Stage } from './failures.ts'

/** Prints everything that each failure produces, as a program would, and ends with an unhandled failure. */
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
