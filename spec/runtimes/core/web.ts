import { deepEqual, equal, ok } from 'node:assert/strict'
import { createCassandraWritableStream, RowError } from 'cassandra-streams'
import { rejection, type Suite } from './suite.ts'

const ROWS = 5_000

/** Pieces of text → the JSON values of its lines. */
function parseLines(): TransformStream<string, object> {
  let rest = ''
  return new TransformStream({
    transform(text, controller) {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) controller.enqueue(JSON.parse(line))
    },
  })
}

export const web: Suite = {
  async 'writes the body of a Response through TextDecoderStream and TransformStream'(keyspace) {
    const table = await keyspace.table('id int PRIMARY KEY, name text')
    const rows = Array.from({ length: ROWS }, (_, id) => ({ id, name: `row ${id} – ✓` }))
    const body = new Response(rows.map(row => `${JSON.stringify(row)}\n`).join('')).body
    const sink = createCassandraWritableStream({ ...keyspace.target, table })
    await body?.pipeThrough(new TextDecoderStream()).pipeThrough(parseLines()).pipeTo(sink)
    equal(sink.stats.rows_written, ROWS)
    const found = await keyspace.all(table)
    found.sort((a, b) => Number(a['id']) - Number(b['id']))
    deepEqual(found, rows)
  },

  async 'closes after the last acknowledgement, and has backpressure before that'(keyspace) {
    const table = await keyspace.table('id int PRIMARY KEY')
    const sink = createCassandraWritableStream({ ...keyspace.target, table })
    const writer = sink.getWriter()
    let waited = 0
    for (let id = 0; id < ROWS; id++) {
      writer.write({ id })
      if ((writer.desiredSize ?? 0) > 0) continue
      waited++
      await writer.ready
    }
    await writer.close()
    ok(waited > 0, 'desiredSize never fell to 0')
    deepEqual([sink.stats.rows_written, sink.stats.requests_in_flight], [ROWS, 0])
    equal((await keyspace.all(table)).length, ROWS)
  },

  async 'fails with the error of the bad row, and gives the source the same error'(keyspace) {
    const table = await keyspace.table('id int PRIMARY KEY')
    let cancelled: unknown
    const source = new ReadableStream<object>({
      start(controller) {
        for (const id of [1, 2, 'three']) controller.enqueue({ id })
      },
      cancel(reason) {
        cancelled = reason
      },
    })
    const error = await rejection(source.pipeTo(createCassandraWritableStream({ ...keyspace.target, table })))
    ok(error instanceof RowError, String(error))
    deepEqual([error.code, error.row_index, error.column], ['ERR_CASSANDRA_VALUE', 2, 'id'])
    equal(cancelled, error)
    equal((await keyspace.all(table)).length, 2)
  },

  async 'stops and releases everything when it is aborted, with the given reason'(keyspace) {
    const table = await keyspace.table('id int PRIMARY KEY')
    const sink = createCassandraWritableStream({ ...keyspace.target, table })
    const writer = sink.getWriter()
    await writer.write({ id: 1 })
    const reason = new Error('enough')
    await writer.abort(reason)
    equal(await rejection(writer.closed), reason)
    equal(sink.stats.requests_in_flight, 0)
  },

  async 'is aborted by the signal of pipeTo'(keyspace) {
    const table = await keyspace.table('id int PRIMARY KEY')
    const stop = new AbortController()
    let id = 0
    const endless = new ReadableStream<object>({
      pull(controller) {
        if (id === ROWS) stop.abort()
        controller.enqueue({ id: id++ })
      },
    })
    const sink = createCassandraWritableStream({ ...keyspace.target, table })
    const error = await rejection(endless.pipeTo(sink, { signal: stop.signal }))
    equal((error as Error).name, 'AbortError')
    equal(sink.stats.requests_in_flight, 0)
  },
}
