output "arn" {
  description = "ARN of the bucket, once versions are on: copying into it needs them."
  value       = aws_s3_bucket.this.arn
  depends_on  = [aws_s3_bucket_versioning.this]
}
