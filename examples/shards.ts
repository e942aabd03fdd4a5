// A folder of NDJSON files → Cassandra, shared by n processes. Process i loads the files i, i + n, i + 2n and so on. Each file
// has a checkpoint, so a killed process continues after its last commit, and two processes with the same i do no harm.
import { createReadStream } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createMicroBatchSink } from 'cassandra-streams'
import chain, { none } from 'stream-chain'
import { parser } from 'stream-chain/jsonl/parser.js'

// Kubernetes sets this index for each pod of an Indexed Job.
const index = Number(process.env['JOB_COMPLETION_INDEX'] ?? 0)
const count = Number(process.env['SHARDS'] ?? 1)
const files = (await readdir('orders')).sort().filter((_, i) => i % count === index)

for (const file of files) {
  // A folder per checkpoint: a sink lists the folder of its checkpoint when it opens.
  const folder = join('checkpoints', file)
  await mkdir(folder, { recursive: true })
  const sink = createMicroBatchSink({
    host: '127.0.0.1',
    keyspace: 'shop',
    table: 'orders',
    checkpoint_location: folder,
    // Of two processes with the same index, the later one owns the checkpoint, and the other ends at its next epoch.
    take_over: true,
  })
  const written = (await sink.open())?.rows_total ?? 0
  const rows = ({ key, value }: { key: number; value: unknown }) => (key < written ? none : value)
  await pipeline(createReadStream(join('orders', file)), chain([parser(), rows]), sink)
  console.log(`${file}: ${sink.stats.rows_written} rows written, ${written} were there`)
}

// Next: an endless source shared by processes → kafka.ts. Sizing and a Kubernetes manifest → docs/scale-out.md.
