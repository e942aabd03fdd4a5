import { createRequire } from 'node:module'
import { types } from 'cassandra-driver'

const require = createRequire(import.meta.url)

const ours = /node_modules[\\/](cassandra-driver|long)[\\/]/

/** Loads another copy of the driver and of its `long`, as npm may install them. Its classes differ from ours. */
function loadAgain(): typeof types {
  const { cache } = require
  const first = Object.entries(cache).filter(([file]) => ours.test(file))
  for (const [file] of first) delete cache[file]
  const { types: second } = require('cassandra-driver') as { types: typeof types }
  for (const file of Object.keys(cache).filter(file => ours.test(file))) delete cache[file]
  for (const [file, module] of first) cache[file] = module
  return second
}

/** Outlives `vi.resetModules()`, because a process with frozen prototypes cannot load a driver again. */
const loaded = globalThis as { secondTypes?: typeof types }
loaded.secondTypes ??= loadAgain()
export const { secondTypes } = loaded

if (secondTypes.Long === types.Long || secondTypes.Uuid === types.Uuid)
  throw new Error('Expected a second copy of the driver')
