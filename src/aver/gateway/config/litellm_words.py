"""What becomes of LiteLLM's settings that are not converted one by one: what a person has to do, or to know."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["CACHE", "DESCRIBES", "GENERAL", "INFO", "PARAMS", "ROUTER", "SECTIONS", "SENT", "Fate", "Kind"]

Kind = Literal["to do", "to know"]
"""Whether something is missing until a person acts, or merely different."""


class Fate(NamedTuple):
    kind: Kind
    text: str


def _do(text: str) -> Fate:
    return Fate("to do", text)


def _know(text: str) -> Fate:
    return Fate("to know", text)


def _all(fate: Fate, names: str) -> dict[str, Fate]:
    return dict.fromkeys(names.split(), fate)


_EVIDENCE = _know(
    "nobody else is told of calls; every call is recorded as evidence, and `aver evidence export` gives it out."
)
_NO_ALERTS = _do("alerts are not built yet; watch `aver gateway spend`, `aver gateway budgets` and the server's log.")
_NO_GUARDS = _do(
    "calls to models are not checked or masked yet, only the assistant's turns (guardrails: in aver.yaml), so keep the checks where they are "
    "called from."
)
_REDIS = _know("needed only where several processes share busy budgets: set AVER_REDIS_URL.")
_CACHE_STORE = _know("answers are cached in Aver's own store, encrypted.")
_DATABASE = _know("Aver keeps keys and accounts in its own store; AVER_DATABASE_URL names a Postgres, if you want one.")
_KEYS = _do("give each caller a key: `aver keys create --tenant NAME --user NAME`.")
_WHO = _do("which models a key may call is not limited yet; serve what needs a limit from a bundle of its own.")
_LOGGING = _know("it concerns LiteLLM's log alone.")
_ALWAYS = _know("Aver always does.")
_NOT_SERVED = _do("not served yet: leave these calls where they are.")
_SIGN_IN = _do("callers have keys of their own (`aver keys create`); other ways to sign in are not built yet.")
_SPEND = _know("spending is read from evidence: `aver gateway spend`.")
_NO_PAGE = _know("there is no admin page; the bundle and the command line take its place.")
_HEALTH = _know(
    "`/readyz` tells whether calls are taken; models are not called to find out, a breaker learns from real calls."
)
_SENT = _do("LiteLLM sends it along with every request to this model; let the callers send it.")
_AWS = _know("AWS is asked as its own tools would: with the environment, a profile or the machine's role.")
_ENTRA = _know("without a credential Azure is asked with the Entra identity of the environment or of the machine.")
_DESCRIBES = _know("it describes the model, and has no bearing on answers.")
_SECRETS = _do("name the keeper in each provider's credential: vault:, aws:, gcp: or azure:.")
_LEFT_OUT = _know("what a provider has no place for is always left out, and the call's record says so.")
_RETRY_CLASSES = _know("Aver retries by class of failure: what may pass with time, and nothing else.")

SECTIONS = {
    **_all(_NO_GUARDS, "guardrails policies policy_attachments"),
    **_all(
        _NOT_SERVED,
        "mcp_servers mcp_tools vector_store_registry search_tools assistant_settings finetune_settings files_settings "
        "agent_list default_vertex_config",
    ),
    "include": _do("convert the included files too, and join the results."),
    "prompts": _do("prompts kept in the gateway are not built yet: keep them in the callers."),
    "callback_settings": _EVIDENCE,
    "environment_variables": _do("set these variables where Aver runs; their values were not copied."),
}
"""The sections of the file."""

_BOTH = {
    **_all(
        _LOGGING,
        "set_verbose debug_level json_logs suppress_debug_info telemetry detailed_debug log_raw_request_response",
    ),
    **_all(_ALWAYS, "enable_pre_call_checks enable_pre_call_check"),
    **_all(_LEFT_OUT, "drop_params additional_drop_params"),
    **_all(_REDIS, "redis_host redis_port redis_password redis_url redis_db cache_kwargs"),
    **_all(_RETRY_CLASSES, "retry_policy model_group_retry_policy"),
    "allowed_fails_policy": _know("one breaker counts all failures that are the provider's; see breaker."),
    "default_litellm_params": _SENT,
    "max_fallbacks": _know("all models of a route are tried, while there is time."),
    "caching_groups": _know("an answer is never given to callers of another route."),
}

ROUTER = {
    **_BOTH,
    **_all(
        _know(
            "models are ordered anew for each call; the same person stays with one model under strategy: experiment."
        ),
        "optional_pre_call_checks deployment_affinity_ttl_seconds model_group_affinity_config",
    ),
    "provider_budget_config": _do("there are no budgets by provider: write one per model, or per tenant."),
    "routing_strategy_args": _know("the strategy fastest measures over a moving past of its own."),
    "tag_filtering_match_any": _know("a route per tag was made; a caller names one."),
    "cache_responses": _do("write cache: {exact: 10m} on the routes whose answers may be given again."),
    "client_ttl": _know("connections are kept and dropped by Aver itself."),
    "default_priority": _know("waiting calls are served in the order in which they came."),
    "polling_interval": _know("waiting calls are served in the order in which they came."),
    "ignore_invalid_deployments": _know(
        "a bundle with a mistake is refused as a whole, and the old one stays in force."
    ),
    "router_general_settings": _LOGGING,
    "alerting_config": _NO_ALERTS,
    "search_tools": _NOT_SERVED,
    "guardrail_list": _NO_GUARDS,
    "enable_health_check_routing": _HEALTH,
    "health_check_staleness_threshold": _HEALTH,
}
"""``router_settings``."""

GENERAL = {
    **_BOTH,
    **_all(_EVIDENCE, "callbacks success_callback failure_callback service_callbacks audit_log_callbacks"),
    **_all(
        _EVIDENCE, "store_audit_logs langfuse_default_tags s3_callback_params s3_callback_v2_params gcs_pub_sub_use_v1"
    ),
    **_all(_EVIDENCE, "default_team_settings prometheus_metrics_config custom_prometheus_metadata_labels otel"),
    **_all(
        _know("prompts and answers of callers from outside are never stored, unless a route caches them."),
        "turn_off_message_logging redact_user_api_key_info redact_messages_in_exceptions store_prompts_in_spend_logs "
        "global_disable_no_log_param",
    ),
    **_all(
        _NO_ALERTS, "alerting alert_types alert_to_webhook_url alerting_args alerting_threshold spend_report_frequency"
    ),
    **_all(_NO_ALERTS, "soft_budget_alerting budget_alert_ttl email_settings"),
    **_all(_NO_GUARDS, "guardrails post_call_rules llm_guard_mode presidio_ad_hoc_recognizers"),
    **_all(
        _DATABASE,
        "database_url database_type database_args database_connection_pool_limit database_connection_timeout "
        "disable_prisma_schema_update store_model_in_db supported_db_objects allow_requests_on_db_unavailable "
        "proxy_batch_write_at use_redis_transaction_buffer",
    ),
    **_all(
        _KEYS,
        "master_key custom_key_generate key_generation_settings default_team_disabled user_api_key_cache_ttl "
        "upperbound_key_generate_params disable_adding_master_key_hash_to_db enable_key_alias_format_validation "
        "litellm_key_header_name disable_master_key_return service_account_settings",
    ),
    **_all(
        _SIGN_IN,
        "custom_auth custom_sso enable_jwt_auth litellm_jwtauth enable_oauth2_auth enable_oauth2_proxy_auth "
        "oauth2_config_mappings role_permissions role_mappings jwt_mappings",
    ),
    **_all(_WHO, "allowed_routes admin_only_routes public_routes default_internal_user_models model_group_settings"),
    **_all(_SPEND, "disable_spend_logs disable_spend_updates maximum_spend_logs_retention_period"),
    **_all(_SPEND, "maximum_spend_logs_retention_interval disable_end_user_cost_tracking disable_reset_budget"),
    **_all(_SPEND, "disable_end_user_cost_tracking_prometheus_only proxy_budget_rescheduler_min_time"),
    **_all(_SPEND, "proxy_budget_rescheduler_max_time"),
    **_all(_NO_PAGE, "ui_access_mode allow_user_auth default_user_params public_model_groups enable_public_model_hub"),
    **_all(_HEALTH, "background_health_checks health_check_interval health_check_details health_check_concurrency"),
    **_all(
        _NOT_SERVED,
        "pass_through_endpoints use_client_credentials_pass_through_routes mcp_aliases mcp_semantic_tool_filter "
        "image_generation_model moderation_model files_settings proxy_batch_polling_interval enable_preview_features "
        "custom_provider_map global_prompt_directory global_bitbucket_config global_gitlab_config responses",
    ),
    **_all(_SECRETS, "key_management_system key_management_settings use_google_kms use_azure_key_vault"),
    **_all(
        _know("not taken from callers: who pays and who answers is written in the bundle."),
        "allow_client_side_credentials forward_client_headers_to_llm_api forward_openai_org_id",
    ),
    **_all(
        _do("the model is always the one that the request names: let callers name one."),
        "completion_model embedding_model infer_model_from_keys",
    ),
    **_all(
        _do(
            "calls are not limited by caller at once: write max_concurrent on a provider, or a budget such as "
            "{per: key, limit: 60 requests, period: minute}."
        ),
        "max_parallel_requests global_max_parallel_requests priority_reservation priority_reservation_settings",
    ),
    **_all(
        _know("the caller of a key is the user it was made for; the field user of a request is passed on."),
        "enforce_user_param enforced_params user_header_name user_header_mappings end_user_id",
    ),
    **_all(
        _do("set AVER_REDIS_URL and write budgets in the bundle: they hold over all processes."),
        "enable_redis_auth_cache rate_limit_window",
    ),
    "modify_params": _know("a request is translated for the provider, or refused; its meaning is not changed."),
    "reject_clientside_metadata_tags": _know("tags in a request count for nothing; see X-Aver-Feature."),
    "disable_retry_on_max_parallel_request_limit_error": _RETRY_CLASSES,
    "enable_json_schema_validation": _know("what a model writes is passed on; a cascade's check json looks at it."),
    "include_cost_in_streaming_usage": _know("what a call cost is in its evidence: `aver gateway spend`."),
    "return_response_headers": _know("answers carry x-request-id; how a call went is in its evidence."),
    "max_request_size_mb": _do("set AVER_MAX_REQUEST_MB where Aver runs."),
    "max_response_size_mb": _know("replies are bounded by max_output on a model."),
    "allowed_ips": _do("let the network in front of Aver decide who reaches it."),
    "use_x_forwarded_for": _know("Aver decides nothing by addresses."),
    "litellm_license": _know("Aver needs none."),
    "force_ipv4": _know("addresses are used as the system resolves them."),
    "ssl_verify": _do("certificates are always checked; make the system trust your authority instead."),
    "disable_hf_tokenizer_download": _know("Aver downloads no tokenizers."),
    "api_key": _do("write a credential on each provider."),
    "api_base": _do("write a base_url on each provider."),
}
"""``litellm_settings`` and ``general_settings``."""

CACHE = {
    **_all(
        _CACHE_STORE,
        "host port password url redis_startup_nodes service_name sentinel_nodes ssl ssl_cert_reqs namespace",
    ),
    **_all(_CACHE_STORE, "ssl_check_hostname max_connections gcp_service_account gcp_ssl_ca_certs redis_flush_size"),
    **_all(
        _CACHE_STORE,
        "s3_bucket_name s3_region_name s3_api_version s3_use_ssl s3_verify s3_endpoint_url s3_path disk_cache_dir",
    ),
    **_all(_CACHE_STORE, "s3_aws_access_key_id s3_aws_secret_access_key s3_aws_session_token gcs_bucket_name gcs_path"),
    **_all(_CACHE_STORE, "gcs_path_service_account qdrant_api_base qdrant_api_key qdrant_collection_name"),
    **_all(
        _CACHE_STORE, "qdrant_quantization_config qdrant_semantic_cache_vector_size redis_semantic_cache_index_name"
    ),
    **_all(
        _know(
            "the semantic cache compares with an embedding model and a measure of its own; see wrong in docs/gateway.md."
        ),
        "similarity_threshold redis_semantic_cache_embedding_model qdrant_semantic_cache_embedding_model",
    ),
    "supported_call_types": _know("chat, messages and responses are cached; embeddings and reranking are not."),
    "mode": _do(
        "a route caches for all its callers, who may send Cache-Control: no-store; leave cache off a route to opt out."
    ),
    "default_in_memory_ttl": _know("one lifetime holds: cache: {exact: ...}."),
    "default_in_redis_ttl": _know("one lifetime holds: cache: {exact: ...}."),
}
"""``cache_params``."""

PARAMS = {
    **_all(_AWS, "aws_access_key_id aws_secret_access_key aws_session_token aws_session_name aws_role_name"),
    **_all(_AWS, "aws_web_identity_token aws_sts_endpoint aws_external_id aws_profile_name"),
    **_all(_ENTRA, "azure_ad_token azure_username azure_password azure_scope tenant_id client_id client_secret"),
    **_all(_RETRY_CLASSES, "max_retries num_retries retry_policy cooldown_time"),
    **_all(_LEFT_OUT, "drop_params additional_drop_params allowed_openai_params modify_params"),
    **_all(
        _know("not taken from callers: who pays and who answers is written in the bundle."),
        "configurable_clientside_auth_params",
    ),
    **_all(_NOT_SERVED, "use_in_pass_through s3_bucket_name gcs_bucket_name aws_batch_role_arn vector_store_id"),
    **_all(
        _do("a router that chooses by the prompt is trained from your own traffic: strategy: learned."),
        "auto_router_config_path auto_router_config auto_router_default_model auto_router_embedding_model "
        "complexity_router_config complexity_router_default_model",
    ),
    **_all(
        _do("write a budget such as {per: key, limit: 60 requests, period: minute}; it holds for all models of a key."),
        "default_api_key_rpm_limit default_api_key_tpm_limit",
    ),
    **_all(
        _do("no price by the second, the character or the image: write price: {input: ..., output: ...}."),
        "input_cost_per_second output_cost_per_second input_cost_per_character output_cost_per_character "
        "input_cost_per_pixel output_cost_per_pixel input_cost_per_query",
    ),
    "ssl_verify": _do("certificates are always checked; make the system trust your authority instead."),
    "mock_response": _do("`python -m aver.testing.provider` is a server that answers as scripted."),
    "max_tokens": _do("write max_output on the model to bound it, or let callers send max_tokens."),
    "tag_regex": _do("callers name the route of a tag; headers do not choose."),
    "max_file_size_mb": _know("AVER_MAX_REQUEST_MB bounds the whole request."),
    "cache_control_injection_points": _know("long prompts are marked for the provider's cache by Aver itself."),
    "merge_reasoning_content_in_choices": _know(
        "thoughts are passed on in the place that the door's protocol has for them."
    ),
    "use_litellm_proxy": _know("the address says who is asked."),
    "litellm_trace_id": _LOGGING,
}
"""A deployment's ``litellm_params``; others are sent to the provider."""
SENT = _SENT

INFO = {
    **_all(_WHO, "access_groups team_id team_public_model_name direct_access access_via_team_ids"),
    **_all(_HEALTH, "health_check_model health_check_voice disable_background_health_check health_check_timeout"),
    "max_tokens": _know(
        "LiteLLM counts it as max_output_tokens or as max_input_tokens; write context or max_output if you need one."
    ),
}
"""A deployment's ``model_info``; anything else describes it."""
DESCRIBES = _DESCRIBES
