;; Legacy exception handling in every shape the translator distinguishes. `calls.js` calls each export;
;; `v8.txt` is what V8 answered.
(module
 (import "e" "js" (func $js (param i32)))
 (tag $a (param i32)) (tag $b (param i32 i64)) (tag $c)
 (export "a" (tag $a))
 (func $thr (param i32)
  local.get 0 i32.const 1 i32.eq if local.get 0 i32.const 100 i32.add throw $a end
  local.get 0 i32.const 2 i32.eq if local.get 0 i64.const 7 throw $b end
  local.get 0 i32.const 3 i32.eq if throw $c end
  local.get 0 i32.const 4 i32.ge_s if local.get 0 call $js end)
 ;; each clause
 (func (export "t1") (param i32) (result i32)
  try (result i32) local.get 0 call $thr i32.const -1
  catch $a catch $b i32.wrap_i64 i32.add catch_all i32.const 55 end)
 ;; rethrow, inner and outer
 (func (export "t2") (param i32) (result i32) (local i32)
  try (result i32)
   try (result i32) local.get 0 call $thr i32.const -2
   catch $a local.set 1 local.get 1 i32.const 10 i32.gt_s if rethrow 1 end i32.const 9
   catch_all rethrow 0 end
  catch $a i32.const 1000 i32.add catch_all i32.const 77 end)
 ;; delegate over a try into an outer one
 (func (export "t3") (param i32) (result i32)
  (local $s i32)
  try $o (result i32)
   block $blk
    try $m
     try
       local.get 0 call $thr
       local.get $s i32.const 1 i32.add local.set $s
     delegate $o
     br $blk
    catch_all i32.const 4444 local.set $s
    end
   end
   local.get $s
  catch $a i32.const 2000 i32.add catch_all i32.const 88 end)
 ;; delegate to the caller
 (func (export "t4") (param i32) (result i32)
  try (result i32) 
   try local.get 0 call $thr delegate 1 ;; to caller
   i32.const 5
  catch_all i32.const 999 end)
 ;; branches out of try and handler, try inside a handler
 (func (export "t5") (param i32) (result i32) (local i32)
  loop $l (result i32)
   try (result i32)
     local.get 1 i32.const 3 i32.ge_s if local.get 1 br 3 drop end
     local.get 0 call $thr
     i32.const -5
   catch $a drop local.get 1 i32.const 1 i32.add local.set 1 br $l
   catch_all
     try (result i32) local.get 0 call $thr i32.const 1 catch_all rethrow 1 end
   end
  end)
 ;; br_table out of a try
 (func (export "t6") (param i32) (result i32)
  block $x block $y block $z
   try local.get 0 call $thr
    local.get 0 br_table 1 2 3 0
   catch_all br $y
   end
   i32.const 11 return
  end i32.const 12 return
  end i32.const 13 return
  end i32.const 14)
 ;; delegate out of a handler, and a try that delegates
 (func (export "t7") (param i32) (result i32)
  try $o (result i32)
   i32.const 0
   drop
   try (result i32)
     try (result i32) local.get 0 call $thr i32.const 31
     catch $c 
       try local.get 0 call $thr delegate $o
       i32.const 32
     end
   delegate $o
  catch $b drop
  catch $c i32.const 33
  catch_all i32.const 34
  end)
 ;; delegate to a try that delegates itself
 (func (export "t8") (param i32) (result i32)
  try $outer (result i32)
   try $skipped (result i32)
    try $middle (result i32)
     try (result i32) local.get 0 call $thr i32.const 40 delegate $middle
    delegate $outer
   catch_all i32.const 41
   end
  catch $a i32.const 42 i32.add
  catch_all i32.const 43
  end)
 ;; delegate to a block, and to a handler: both pass outwards
 (func (export "t9") (param i32) (result i32)
  try $outer (result i32)
   try $inner (result i32)
    block $plain (result i32)
     try (result i32) local.get 0 call $thr i32.const 50 delegate $plain
    end
   catch $a
    drop
    try (result i32) local.get 0 call $thr i32.const 51 delegate $inner
   end
  catch $a i32.const 52 i32.add
  catch_all i32.const 53
  end)
 ;; a try without a clause, values below it on the stack, and a result used after it
 (func (export "t10") (param i32) (result i32)
  i32.const 1000
  try (result i32)
   try (result i32) i32.const 7 end
   local.get 0 call $thr
  catch $b i32.wrap_i64 i32.mul
  catch_all i32.const 60
  end
  i32.add)
 ;; rethrow of two exceptions at once, from nested handlers
 (func (export "t11") (param i32) (result i32)
  try (result i32)
   try (result i32) local.get 0 call $thr i32.const 70
   catch_all
    try (result i32) i32.const 5 throw $a
    catch $a
     i32.const 5 i32.eq if (result i32) local.get 0 i32.const 2 i32.eq if rethrow 3 end rethrow 1 else i32.const 71 end
    end
   end
  catch $b drop
  catch $a i32.const 72 i32.add
  catch_all i32.const 73
  end)
)
