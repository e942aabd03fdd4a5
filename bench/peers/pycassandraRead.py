"""One read of a table by PyCassandra: every row goes through Spark and is dropped, and their number is printed."""

import json
import sys

from cassandra_data_source import CassandraDataSource
from pyspark.sql import Observation, SparkSession
from pyspark.sql.functions import count, lit

job = json.loads(sys.argv[1])
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.session.timeZone", "UTC")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")
spark.dataSource.register(CassandraDataSource)
frame = (
    spark.read.format("pycassandra")
    .options(host=job["host"], port=str(job["port"]), keyspace=job["keyspace"], table=job["table"])
    .load()
)
seen = Observation()
frame.observe(seen, count(lit(1)).alias("rows")).write.format("noop").mode("overwrite").save()
print(f"rows {seen.get['rows']}", flush=True)
spark.stop()
