/* A process that owns a checkpoint. Specs suspend and kill it. Its input has one command per line. */
import { createInterface } from 'node:readline'
import type { Checkpoint } from '../../../lib/checkpoint/checkpoint.ts'
import { openCheckpoint } from '../../../lib/checkpoint/file/fileCheckpoint.ts'
import { CheckpointError } from '../../../lib/errors.ts'
import { sealOf, target } from './epochs.ts'

const location = process.argv[2] ?? ''
let checkpoint: Checkpoint | undefined

async function obey(word: string): Promise<unknown> {
  if (word === 'open') checkpoint = await openCheckpoint(location, target)
  if (word === 'take over') checkpoint = await openCheckpoint(location, target, { takesOver: true })
  if (word === 'seal') await checkpoint?.seal(sealOf((checkpoint.state.committed?.epoch_id ?? -1) + 1))
  if (word === 'commit') await checkpoint?.commit()
  if (word === 'close') await checkpoint?.close()
  return { committed: checkpoint?.state.committed?.epoch_id, sealed: checkpoint?.state.sealed?.epoch_id }
}

console.log(process.pid)
for await (const word of createInterface(process.stdin)) {
  const answer = await obey(word).catch(error => {
    if (error instanceof CheckpointError) return error.code
    throw error
  })
  console.log(JSON.stringify(answer))
}
