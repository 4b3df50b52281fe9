package ingest

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"pulse"
)

// loudJobs is how many jobs after a start are logged at info, all of their lines:
// enough to see that the pool works. Later ones are logged at debug, because at
// thousands of pages a second the lines would be the bottleneck. Failures and
// slow jobs are logged at their own level always.
const loudJobs = 20

// operation names a stage as operators of the old worker know it.
type operation struct{ kind, name string }

var (
	opClean  = operation{"cleaning", "clean_page"}
	opChunk  = operation{"chunking", "chunk_text"}
	opEmbed  = operation{"embedding", "embed_batch"}
	opCommit = operation{"index", "index_chunks"}
)

// runLog says how one run is logged.
type runLog struct {
	level slog.Level
	quiet bool // the level is not enabled: lines are not built
}

func (w *Workers) newRunLog(ctx context.Context) runLog {
	l := runLog{level: slog.LevelDebug}
	if w.started.Add(1) <= loudJobs {
		l.level = slog.LevelInfo
	}
	l.quiet = !w.log.Enabled(ctx, l.level)
	return l
}

func (w *Workers) logStart(ctx context.Context, r *run) {
	if !r.quiet {
		w.log.LogAttrs(ctx, r.level, "Starting indexing job", jobID(r.job), slog.String("url", r.job.URL))
	}
}

// operation ends a stage: its time goes to the job's stages and to the log.
func (w *Workers) operation(ctx context.Context, r *run, op operation, stage *time.Duration, start time.Time) {
	took := w.now().Sub(start)
	*stage += took
	if !r.quiet {
		w.log.LogAttrs(ctx, r.level, "Operation completed", slog.String("operation_type", op.kind),
			slog.String("operation_name", op.name), milliseconds("duration_ms", took), jobID(r.job))
	}
}

// logEnd says how a run ended. A run that a fault ended is the outage's to tell.
func (w *Workers) logEnd(ctx context.Context, r *run, v verdict) {
	job := r.job
	switch {
	case job.State == pulse.JobDone:
		w.logDone(ctx, r)
	case job.State == pulse.JobDead:
		w.logFailure(ctx, r, slog.LevelError, "Indexing job is dead")
	case v.write:
		w.logFailure(ctx, r, slog.LevelWarn, "Indexing job failed", slog.Time("run_at", job.RunAt))
	}
	work := job.Stages.Work()
	if job.Kind == pulse.KindEmbed {
		work -= job.Stages.Embed // it waits in line with what else waits for a slow embedder: no page's own affair
	}
	if work > w.opts.SlowJob {
		s := job.Stages
		w.log.LogAttrs(ctx, slog.LevelWarn, "Slow job", jobID(job), slog.String("url", job.URL), milliseconds("duration_ms", work),
			milliseconds("clean_ms", s.Clean), milliseconds("chunk_ms", s.Chunk), milliseconds("embed_ms", s.Embed), milliseconds("commit_ms", s.Commit))
	}
}

func (w *Workers) logDone(ctx context.Context, r *run) {
	if r.quiet {
		return
	}
	attrs := []slog.Attr{
		jobID(r.job), slog.String("url", r.job.URL), slog.Int("chunks", r.report.Chunks),
		milliseconds("duration_ms", r.job.EndedAt.Sub(r.job.StartedAt)), slog.String("outcome", string(r.job.Outcome)),
	}
	if r.job.Reason != "" {
		attrs = append(attrs, slog.String("reason", r.job.Reason))
	}
	w.log.LogAttrs(ctx, r.level, "Indexing job completed", attrs...)
}

// logFailure gives the stack of a panic with the job's first attempt alone: the
// next ones are the same.
func (w *Workers) logFailure(ctx context.Context, r *run, level slog.Level, message string, more ...slog.Attr) {
	attrs := append([]slog.Attr{
		jobID(r.job), slog.String("url", r.job.URL), slog.String("error", r.job.LastError), slog.Int("attempt", r.job.Attempt),
	}, more...)
	var p *panicError
	if errors.As(r.report.Err, &p) && r.job.Attempt == 1 {
		attrs = append(attrs, slog.String("stack", string(p.stack)))
	}
	w.log.LogAttrs(ctx, level, message, attrs...)
}

func jobID(j *pulse.Job) slog.Attr { return slog.Int64("job_id", int64(j.ID)) }

// milliseconds is a duration to the microsecond.
func milliseconds(key string, d time.Duration) slog.Attr {
	return slog.Float64(key, float64(d.Microseconds())/1000)
}
