import type { DataName } from './rows.ts'

/** A target for our figures, relative to those of another contender in the same run. */
export interface Target {
  readonly nodes: number
  readonly data: DataName
  readonly contender: string
  /** Lowest ratio of our rows/s to its rows/s. */
  readonly speed: number
  /** Highest ratio of our client CPU per row to its CPU. */
  readonly cpu?: number
}

const onOneNode = (['a', 'b', 'c'] as const).flatMap(data => [
  { nodes: 1, data, contender: 'DSBulk', speed: 4.5 },
  { nodes: 1, data, contender: 'PyCassandra', speed: 8 },
])

export const targets: readonly Target[] = [
  { nodes: 1, data: 'a', contender: 'executeConcurrent(100)', speed: 2, cpu: 0.4 },
  { nodes: 1, data: 'b', contender: 'executeConcurrent(100)', speed: 3.5, cpu: 0.3 },
  { nodes: 1, data: 'c', contender: 'executeConcurrent(100)', speed: 2.5 },
  ...onOneNode,
  { nodes: 3, data: 'a', contender: 'executeConcurrent(100)', speed: 2.5 },
  { nodes: 3, data: 'b', contender: 'executeConcurrent(100)', speed: 6 },
]
