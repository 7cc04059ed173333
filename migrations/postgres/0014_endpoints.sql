-- Endpoints that operators made. They belong to no source: theirs is `_sending`, whose bookmark
-- `endpoint_settings` counts the changes.
CREATE TABLE creditrail.endpoint_settings (
    source   text COLLATE "C" NOT NULL,
    key      text COLLATE "C" NOT NULL, -- the name
    revision bigint NOT NULL, -- which change of endpoints it comes from
    sealed   text   NOT NULL, -- the settings under a sealing key, in hexadecimal
    CONSTRAINT endpoint_settings_pkey PRIMARY KEY (source, key)
);
