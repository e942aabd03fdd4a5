import { loadInProcess } from './inProcess.ts'
import type { Measured, Method } from './job.ts'
import { dsbulk } from './peers/dsbulk.ts'
import { pycassandra } from './peers/pycassandra.ts'
import type { Contender, Round } from './round.ts'

const inNode = (name: string, method: Method): Contender => ({
  name,
  readsFile: false,
  run: ({ server, table, data, rows }) =>
    loadInProcess({ access: server.access, table, data, rows, method, parsed: true }),
})

/** Attempts per round of `executeConcurrent`. */
const ATTEMPTS = 5

/** The driver's function gives up at the first write timeout, and small servers on few cores have some. */
function ec(concurrencyLevel: number): Contender {
  const once = inNode(`executeConcurrent(${concurrencyLevel})`, {
    name: 'executeConcurrent',
    concurrencyLevel,
  })
  const run = async (round: Round, attempts = ATTEMPTS): Promise<Measured> => {
    try {
      return await once.run(round)
    } catch (error) {
      if (attempts === 1) throw error
      console.error(`${once.name} gave up; the round starts again`)
      await round.server.truncate(round.table)
      return await run(round, attempts - 1)
    }
  }
  return { ...once, run }
}

const inEpochs = (rows_per_epoch: number) =>
  inNode(`epochs of ${rows_per_epoch}`, { name: 'epochs', rows_per_epoch })

const inTable = (rows_per_epoch: number) =>
  inNode(`epochs of ${rows_per_epoch}, checkpoint in a table`, {
    name: 'epochs',
    rows_per_epoch,
    keeper: 'table',
  })

const contenders: Readonly<Record<string, Contender>> = {
  ec100: ec(100),
  ec512: ec(512),
  dsbulk: { name: 'DSBulk 1.10', readsFile: true, run: dsbulk },
  pycassandra: { name: 'PyCassandra', readsFile: true, run: pycassandra },
  ours: inNode('ours', { name: 'ours', options: {} }),
  'ours/partition': inNode('ours, by partition', { name: 'ours', options: { batch_by: 'partition' } }),
  'ours/replicas': inNode('ours, by replicas', { name: 'ours', options: { batch_by: 'replicas' } }),
  'epochs/1000': inEpochs(1000),
  'epochs/10000': inEpochs(10_000),
  'epochs/100000': inEpochs(100_000),
  'epochs/10000/table': inTable(10_000),
  'ours/none': inNode('ours, one row per request', { name: 'ours', options: { batch_by: 'none' } }),
}

/** Names of the installed contenders, ours included. */
export function defaultContenders(): string {
  const { DSBULK_CLASSPATH, PYCASSANDRA_PYTHON } = process.env
  const peers = [DSBULK_CLASSPATH && 'dsbulk', PYCASSANDRA_PYTHON && 'pycassandra']
  return ['ec100', 'ec512', ...peers.filter(Boolean), 'ours'].join()
}

/** The contenders in the list `names`, in its order. */
export function contendersNamed(names: string): Contender[] {
  return names.split(',').map(name => {
    const contender = contenders[name]
    if (contender === undefined) {
      throw new Error(`Expected --only to list some of ${Object.keys(contenders).join(', ')}, got ${name}`)
    }
    return contender
  })
}
