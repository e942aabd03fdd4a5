import { wordsOf } from '../cluster/failure.ts'
import { KafkaError, type KafkaErrorDetails } from '../errors.ts'

/** Most reasons that are quoted. */
const MOST_REASONS = 3

/** A client's error in words: those of a list are told one by one. */
export function kafkaWordsOf(error: unknown): string {
  if (!(error instanceof AggregateError) || error.errors.length === 0) return wordsOf(error)
  const reasons = [...new Set(error.errors.map(kafkaWordsOf))]
  return `${error.message} ${reasons.slice(0, MOST_REASONS).join('; ')}`
}

/** What a client cannot do. */
export function kafkaFailure(what: string, cause: unknown, details: KafkaErrorDetails = {}): KafkaError {
  if (cause instanceof KafkaError) return cause
  return new KafkaError('ERR_CASSANDRA_KAFKA', `${what}: ${kafkaWordsOf(cause)}`, { ...details, cause })
}
