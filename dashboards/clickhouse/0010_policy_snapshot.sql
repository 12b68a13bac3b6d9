-- Which snapshot of the policies judged an exchange (12 hex digits of what they say: the same in every worker, after every
-- restart; '' = nothing judged), and where what was judged begins in its connection's client bytes: with request_bytes the range.

ALTER TABLE {{database}}.exchanges{{local}}{{on_cluster}}
    ADD COLUMN IF NOT EXISTS policy_snapshot LowCardinality(String) AFTER shadow_verdict,
    ADD COLUMN IF NOT EXISTS request_offset UInt64 CODEC(T64, ZSTD(1)) AFTER proxy_ns;

-- @cluster
ALTER TABLE {{database}}.exchanges{{on_cluster}}
    ADD COLUMN IF NOT EXISTS policy_snapshot LowCardinality(String) AFTER shadow_verdict,
    ADD COLUMN IF NOT EXISTS request_offset UInt64 AFTER proxy_ns;
