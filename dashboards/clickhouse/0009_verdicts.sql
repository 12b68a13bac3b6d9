-- What policies said of an exchange, enforced and in shadow mode: '' where there were none for it, `allowed` or `denied`; and
-- the policy that decided, '' where none of those there are did (an operation that no policy allows). `rule` is `policy` now.

ALTER TABLE {{database}}.exchanges{{local}}{{on_cluster}}
    RENAME COLUMN IF EXISTS rule TO policy;

ALTER TABLE {{database}}.exchanges{{local}}{{on_cluster}}
    ADD COLUMN IF NOT EXISTS verdict LowCardinality(String) AFTER policy,
    ADD COLUMN IF NOT EXISTS shadow_policy LowCardinality(String) AFTER verdict,
    ADD COLUMN IF NOT EXISTS shadow_verdict LowCardinality(String) AFTER shadow_policy;

-- @cluster
ALTER TABLE {{database}}.exchanges{{on_cluster}}
    RENAME COLUMN IF EXISTS rule TO policy;

-- @cluster
ALTER TABLE {{database}}.exchanges{{on_cluster}}
    ADD COLUMN IF NOT EXISTS verdict LowCardinality(String) AFTER policy,
    ADD COLUMN IF NOT EXISTS shadow_policy LowCardinality(String) AFTER verdict,
    ADD COLUMN IF NOT EXISTS shadow_verdict LowCardinality(String) AFTER shadow_policy;
