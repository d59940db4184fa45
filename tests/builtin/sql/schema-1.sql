-- Schema 1, and a small archive in it. A haulage that reads schema 1 reads this file: it is never edited.

CREATE TABLE schema_version (
    version INTEGER NOT NULL,
    PRIMARY KEY (version)
);
CREATE TABLE video_processing_jobs (
    number INTEGER NOT NULL,
    id VARCHAR(32) NOT NULL,
    url TEXT NOT NULL,
    variant TEXT NOT NULL,
    site TEXT NOT NULL,
    status VARCHAR(16) NOT NULL,
    batch VARCHAR(32) NOT NULL,
    parent VARCHAR(32),
    subscription TEXT NOT NULL,
    listed BOOLEAN NOT NULL,
    twin VARCHAR(32),
    home TEXT,
    files JSON NOT NULL,
    due_at VARCHAR,
    attempt VARCHAR(32),
    worker TEXT,
    asked_after INTEGER NOT NULL,
    stage TEXT NOT NULL,
    done BIGINT NOT NULL,
    total BIGINT,
    added_at VARCHAR NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (id),
    UNIQUE (attempt)
);
CREATE INDEX due_by_home ON video_processing_jobs (home) WHERE home IS NOT NULL AND due_at IS NOT NULL;
CREATE INDEX due_by_batch ON video_processing_jobs (batch, site, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX due_by_subscription ON video_processing_jobs (subscription) WHERE due_at IS NOT NULL;
CREATE INDEX held_by_worker ON video_processing_jobs (worker) WHERE attempt IS NOT NULL;
CREATE INDEX due_by_site ON video_processing_jobs (site, due_at) WHERE due_at IS NOT NULL;
CREATE TABLE sites (
    name TEXT NOT NULL,
    opens_at VARCHAR,
    strikes INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (name)
);
CREATE TABLE videos (
    number INTEGER NOT NULL,
    job VARCHAR(32) NOT NULL,
    source TEXT NOT NULL,
    video_id TEXT NOT NULL,
    variant TEXT NOT NULL,
    title TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    announced_duration FLOAT,
    download_status VARCHAR(16) NOT NULL,
    download_url TEXT NOT NULL,
    download_size BIGINT,
    download_duration FLOAT,
    download_resolution VARCHAR(16),
    download_format VARCHAR(32),
    width INTEGER,
    height INTEGER,
    video_codec VARCHAR(32),
    audio_codec VARCHAR(32),
    fetched_by TEXT,
    sha256 VARCHAR(64),
    PRIMARY KEY (number),
    UNIQUE (source, video_id, variant),
    UNIQUE (job),
    FOREIGN KEY(job) REFERENCES video_processing_jobs (id)
);
CREATE INDEX ix_videos_channel_id ON videos (channel_id);
CREATE INDEX ix_videos_video_id ON videos (video_id);
CREATE TABLE attempts (
    id VARCHAR(32) NOT NULL,
    job VARCHAR(32) NOT NULL,
    number INTEGER NOT NULL,
    worker TEXT NOT NULL,
    began_at VARCHAR NOT NULL,
    ended_at VARCHAR,
    stage TEXT,
    kind VARCHAR(16),
    message TEXT,
    cure TEXT,
    counted BOOLEAN,
    wait FLOAT,
    receipt VARCHAR(64),
    PRIMARY KEY (id),
    FOREIGN KEY(job) REFERENCES video_processing_jobs (id)
);
CREATE INDEX ix_attempts_job ON attempts (job);
CREATE TABLE stored_objects (
    number INTEGER NOT NULL,
    video INTEGER NOT NULL,
    role TEXT NOT NULL,
    storage TEXT NOT NULL,
    "key" TEXT NOT NULL,
    state VARCHAR(16) NOT NULL,
    size BIGINT,
    sha256 VARCHAR(64),
    attempt VARCHAR(32) NOT NULL,
    token TEXT,
    version TEXT,
    stored_at VARCHAR,
    deleted_at VARCHAR,
    PRIMARY KEY (number),
    UNIQUE (video, role, storage),
    FOREIGN KEY(video) REFERENCES videos (number)
);

INSERT INTO schema_version (version) VALUES (1);

INSERT INTO sites (name, opens_at, strikes, reason) VALUES
    ('youtube', '2026-01-05T10:00:00.000Z', 0, ''),
    ('example.com', '2026-01-05T10:00:00.000Z', 0, ''),
    ('closed.example', '9000-01-01T00:00:00.000Z', 2, 'the site said 429'),
    ('waits.example', NULL, 1, 'cookies have expired');

INSERT INTO video_processing_jobs
    (number, subscription, listed, id, url, variant, site, status, batch, parent, twin, home, files, due_at, attempt,
     worker, asked_after, stage, done, total, added_at) VALUES
    -- downloaded
    (1, '', 0, 'e7c966ef61bc37a45be1ead95f8cf454', 'https://example.com/watch?v=one', '', 'youtube', 'downloaded', 'b1',
     'ffffffffffffffffffffffffffffffff', NULL, NULL,
     '[{"path": "/space/1/video.mp4", "role": "video", "extension": "mp4", "media_type": "video/mp4", "size": 7000,
        "sha256": "1111111111111111111111111111111111111111111111111111111111111111"},
       {"path": "/space/1/video.en.vtt", "role": "subtitle", "extension": "en.vtt", "media_type": "text/vtt", "size": 70,
        "sha256": "2222222222222222222222222222222222222222222222222222222222222222"}]',
     NULL, NULL, 'host:1:1', 1, 'store:archive', 7000, 7000, '2026-01-05T10:00:00.000Z'),
    -- a duplicate of it
    (2, '', 0, '296adc76e2786739fe126e28a0535c36', 'https://example.com/two', '', 'youtube', 'duplicate', '', NULL,
     'e7c966ef61bc37a45be1ead95f8cf454', NULL, '[]', NULL, NULL, 'host:1:1', 0, 'expand', 0, NULL,
     '2026-01-05T10:00:01.000Z'),
    -- in the hands of a worker that died while it fetched
    (3, '', 0, 'adc2d8a92060ed443ae705e3960afe4e', 'https://example.com/three', '', 'example.com', 'downloading', 'b2',
     NULL, NULL, 'home-1', '[]', '2026-01-05T10:05:00.250Z', 'a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4', 'host:1:2', 0, 'fetch', 512,
     1024, '2026-01-05T10:00:02.000Z'),
    -- of a site that is closed, of one that waits for a person, and one that was only asked for
    (4, '', 0, '44444444444444444444444444444444', 'https://closed.example/4', '720p', 'closed.example', 'pending', '',
     NULL, NULL, NULL, '[]', '2026-01-01T00:00:00.000Z', NULL, NULL, 0, '', 0, NULL, '2026-01-05T10:00:03.000Z'),
    (5, '', 0, '55555555555555555555555555555555', 'https://waits.example/5', '', 'waits.example', 'pending', '', NULL,
     NULL, NULL, '[]', '2026-01-01T00:00:00.000Z', NULL, NULL, 0, '', 0, NULL, '2026-01-05T10:00:04.000Z'),
    (6, '', 0, '077681e03bc2a5951ad35f8640f1b0ad', 'https://example.com/four', '', 'example.com', 'pending', 'b2', NULL,
     NULL, NULL, '[]', '2026-01-05T10:06:00.000Z', NULL, NULL, 0, '', 0, NULL, '2026-01-05T10:00:05.000Z');

INSERT INTO attempts
    (id, job, number, worker, began_at, ended_at, stage, kind, message, cure, counted, wait, receipt) VALUES
    ('a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1', 'e7c966ef61bc37a45be1ead95f8cf454', 1, 'host:1:1', '2026-01-05T10:01:00.000Z',
     '2026-01-05T10:01:05.500Z', 'fetch', 'transient', 'connection reset', '', 1, 1.0,
     '3333333333333333333333333333333333333333333333333333333333333333'),
    ('a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2', 'e7c966ef61bc37a45be1ead95f8cf454', 2, 'host:1:1', '2026-01-05T10:01:06.500Z',
     '2026-01-05T10:02:00.000Z', NULL, NULL, NULL, NULL, NULL, NULL,
     '4444444444444444444444444444444444444444444444444444444444444444'),
    ('a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3', '296adc76e2786739fe126e28a0535c36', 1, 'host:1:1', '2026-01-05T10:02:01.000Z',
     '2026-01-05T10:02:02.000Z', NULL, NULL, NULL, NULL, NULL, NULL,
     '5555555555555555555555555555555555555555555555555555555555555555'),
    ('a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4', 'adc2d8a92060ed443ae705e3960afe4e', 1, 'host:1:2', '2026-01-05T10:03:30.250Z',
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

INSERT INTO videos
    (number, job, source, video_id, variant, title, channel_id, announced_duration, download_status, download_url,
     download_size, download_duration, download_resolution, download_format, width, height, video_codec, audio_codec,
     fetched_by, sha256) VALUES
    (1, 'e7c966ef61bc37a45be1ead95f8cf454', 'youtube', 'one', '', 'Ein Video über Füchse', 'UC1', 60.5, 'downloaded',
     'https://example.com/watch?v=one', 7000, 60.48, '1080p', 'mov,mp4', 1920, 1080, 'h264', 'aac',
     'yt-dlp 2025.12.08', '1111111111111111111111111111111111111111111111111111111111111111');

INSERT INTO stored_objects
    (number, video, role, storage, "key", state, size, sha256, attempt, token, version, stored_at, deleted_at) VALUES
    (1, 1, 'video', 'archive', 'UC1/one/video.mp4', 'stored', 7000,
     '1111111111111111111111111111111111111111111111111111111111111111', 'a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2', NULL,
     '8d-17', '2026-01-05T10:01:59.000Z', NULL),
    (2, 1, 'subtitle', 'archive', 'UC1/one/video.en.vtt', 'intended', 70,
     '2222222222222222222222222222222222222222222222222222222222222222', 'a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2', 'upload-9',
     NULL, NULL, NULL),
    (3, 1, 'video', 'nas', 'UC1/one/video.mp4', 'deleted', 7000,
     '1111111111111111111111111111111111111111111111111111111111111111', 'a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1', NULL,
     NULL, '2026-01-05T10:01:30.000Z', '2026-01-06T00:00:00.000Z');
