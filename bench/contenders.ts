import { loadInProcess } from './inProcess.ts'
import type { Measured, Method } from './job.ts'
import { dsbulk } from './peers/dsbulk.ts'
import { pycassandra } from './peers/pycassandra.ts'
import type { DataName } from './rows.ts'
import type { BenchServer } from './server.ts'

/** One round: all rows of a data set into an empty table. */
export interface Round {
  readonly server: BenchServer
  readonly table: string
  readonly data: DataName
  readonly rows: number
  /** The same rows as lines of JSON. */
  readonly file: string
}

export interface Contender {
  readonly name: string
  /** It reads the rows from the file, and the others make them for themselves. */
  readonly readsFile: boolean
  readonly run: (round: Round) => Promise<Measured>
}

const inNode = (name: string, method: Method): Contender => ({
  name,
  readsFile: false,
  run: ({ server, table, data, rows }) =>
    loadInProcess({ access: server.access, table, data, rows, method, parsed: true }),
})

const ec = (concurrencyLevel: number) =>
  inNode(`executeConcurrent(${concurrencyLevel})`, { name: 'executeConcurrent', concurrencyLevel })

const inEpochs = (rows_per_epoch: number) =>
  inNode(`epochs of ${rows_per_epoch}`, { name: 'epochs', rows_per_epoch })

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
  'ours/none': inNode('ours, one row a request', { name: 'ours', options: { batch_by: 'none' } }),
}

/** Those that `names` lists, in its order. */
export function contendersNamed(names: string): Contender[] {
  return names.split(',').map(name => {
    const contender = contenders[name]
    if (contender === undefined) {
      throw new Error(`Expected --only to list some of ${Object.keys(contenders).join(', ')}, got ${name}`)
    }
    return contender
  })
}
