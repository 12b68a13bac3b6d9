-- What only a protocol knows of an exchange, by OpenTelemetry's names (`messaging.consumer.group.name`) or ours (`sluice.kafka.…`);
-- numbers as text. Empty for most protocols, which costs next to nothing on the disk. Of single exchanges only.

ALTER TABLE {{database}}.exchanges{{local}}{{on_cluster}}
    ADD COLUMN IF NOT EXISTS attributes Map(LowCardinality(String), String) CODEC(ZSTD(1));

-- @cluster
ALTER TABLE {{database}}.exchanges{{on_cluster}}
    ADD COLUMN IF NOT EXISTS attributes Map(LowCardinality(String), String);
