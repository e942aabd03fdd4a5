import { Kafka, logLevel } from 'kafkajs'
import { expect, it, onTestFinished } from 'vitest'
import { kafkaJsConsumer } from '../../lib/kafka/index.ts'
import { startKafka } from '../../lib/testing/index.ts'
import { failureOf, memberKinds, useKafka } from './scene.ts'

const { scene } = useKafka('kafka_auto_create_spec')

it('a topic that does not exist is an error, and is not created by a broker that creates topics when clients ask', async () => {
  const kafka = await startKafka({ properties: { 'auto.create.topics.enable': true } })
  onTestFinished(() => kafka.stop())
  const { brokers } = kafka
  const library = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { retries: 1 } })
  const admin = library.admin()
  await admin.connect()
  onTestFinished(() => admin.disconnect())
  for (const [name, kind] of Object.entries(memberKinds())) {
    const { start } = await scene()
    const source = name === 'kafkajs' ? { ...kind, consumer: kafkaJsConsumer(library) } : { ...kind, brokers }
    const error = await failureOf(start({ ...source, topics: 'misspelt', retry_timeout_ms: 2_000 }))
    expect(error, name).toMatchObject({ code: 'ERR_CASSANDRA_KAFKA' })
    expect(error?.message, name).toContain('misspelt')
    expect(await admin.listTopics(), name).not.toContain('misspelt')
  }
})
