/**
 * Settings that neither widen what a session may do, nor change whose rows it sees, nor how its text is read in a way that
 * the gate does not follow (client_encoding and standard_conforming_strings it follows: the server reports them). What is
 * not here, a setting with a dot above all (row security policies read those), is the verb `setting`.
 */
const HARMLESS = new Set(
  (
    'application_name client_min_messages datestyle intervalstyle timezone extra_float_digits statement_timeout lock_timeout ' +
    'idle_in_transaction_session_timeout idle_session_timeout transaction_timeout work_mem maintenance_work_mem ' +
    'hash_mem_multiplier logical_decoding_work_mem temp_buffers bytea_output xmlbinary xmloption synchronous_commit ' +
    'lc_messages lc_monetary lc_numeric lc_time client_encoding standard_conforming_strings escape_string_warning ' +
    'backslash_quote default_transaction_isolation default_transaction_deferrable default_transaction_read_only ' +
    'transaction_isolation transaction_deferrable transaction_read_only default_text_search_config default_toast_compression ' +
    'random_page_cost seq_page_cost cpu_tuple_cost cpu_index_tuple_cost cpu_operator_cost parallel_setup_cost ' +
    'parallel_tuple_cost effective_cache_size effective_io_concurrency maintenance_io_concurrency ' +
    'min_parallel_table_scan_size min_parallel_index_scan_size max_parallel_workers max_parallel_workers_per_gather ' +
    'max_parallel_maintenance_workers parallel_leader_participation debug_parallel_query force_parallel_mode ' +
    'constraint_exclusion cursor_tuple_fraction from_collapse_limit join_collapse_limit default_statistics_target ' +
    'plan_cache_mode recursive_worktable_factor gin_fuzzy_search_limit gin_pending_list_limit array_nulls ' +
    'quote_all_identifiers tcp_keepalives_idle tcp_keepalives_interval tcp_keepalives_count tcp_user_timeout ' +
    'client_connection_check_interval backend_flush_after commit_siblings vacuum_cost_delay vacuum_cost_limit ' +
    'vacuum_cost_page_hit vacuum_cost_page_miss vacuum_cost_page_dirty geqo geqo_threshold geqo_effort geqo_pool_size ' +
    'geqo_generations geqo_selection_bias geqo_seed jit jit_above_cost jit_inline_above_cost jit_optimize_above_cost seed'
  ).split(' '),
);

/** `name` folded. Planner switches (`enable_seqscan`) are all harmless. */
export const isHarmlessSetting = (name: string): boolean =>
  HARMLESS.has(name) || (name.startsWith('enable_') && !name.includes('.'));
