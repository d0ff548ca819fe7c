!> Compares this implementation with what `cryoden export` expects of it, then trains and logs.
!>
!>    ./check FOLDER [LOG.csv] [cpu | cudnn | cudnn-tf32]
!>
!> Exit status: 0 all arrays agree, 1 one does not, 2 something cannot be read.
program check
   use, intrinsic :: iso_fortran_env, only: real32, real64
   use arrays, only: sides_of, values_of
   use engine, only: named, training_engine
   use options, only: argument, choose, weights_of
   use run_log, only: note_step, start_log, step_log, write_log
   implicit none

   character(*), parameter :: activations(5) = [character(6) :: 'conv1', 'relu1', 'conv2', 'relu2', 'output']
   character(:), allocatable :: folder
   class(training_engine), allocatable :: by
   real(real32), allocatable :: rate(:)
   integer :: sides(5), batches, pairs
   logical :: good = .true.

   folder = argument(1, '')
   if (folder == '') then
      print '(a)', 'usage: check FOLDER [LOG.csv] [cpu | cudnn | cudnn-tf32]'
      stop 2
   end if
   sides = sides_of(folder, 'noisy')
   pairs = sides(4)
   batches = sides(5)
   rate = values_of(folder, 'learning_rate')
   call choose(argument(3, 'cpu'), by)
   call by%prepare(sides(:4), batches)
   call take_batches()

   print '(4a)', 'on ', by%hardware, ', ', by%arithmetic
   print '(a)', 'largest difference, as a share of the largest absolute value expected'
   call check_step()
   call check_final()
   call check_training()
   if (.not. good) stop 1
   print '(a, es7.1)', 'all agree within ', by%tolerance

contains

   subroutine take_batches()
      real(real32), allocatable :: noisy(:, :, :, :, :), target(:, :, :, :, :)
      integer :: i

      noisy = reshape(values_of(folder, 'noisy'), sides)
      target = reshape(values_of(folder, 'target'), sides)
      do i = 1, batches
         by%slots(i)%noisy = noisy(:, :, :, :, i)
         by%slots(i)%target = target(:, :, :, :, i)
      end do
   end subroutine take_batches

   !> Forward, backward and one step on the first batch.
   subroutine check_step()
      integer :: i

      call by%load(weights_of(folder, 'initial'), rate(1))
      call by%learn(1, pairs)
      do i = 1, size(activations)
         call compare(trim(activations(i)), by%values(trim(activations(i))))
      end do
      do i = 1, 3
         call compare_both(i, 'gradient_', 'gradient_')
      end do
      do i = 1, 3
         call compare_both(i, 'stepped_', '')
      end do
   end subroutine check_step

   !> The weights the run kept.
   subroutine check_final()
      call by%load(weights_of(folder, 'final'), 0.0_real32)
      call by%learn(1, pairs)
      call compare('final_output', by%values('output'))
      call compare('final_loss', [real(by%loss_of(1), real32)])
   end subroutine check_final

   !> All steps of training, from the initial weights, batches in turns.
   subroutine check_training()
      type(step_log) :: log
      character(80) :: data
      integer :: step, batch

      write (data, '(3(a, i0))') 'batches in turns: ', batches, ', of ', sides(1), ' x ', sides(2)
      call by%load(weights_of(folder, 'initial'), rate(1))
      log = start_log(argument(2, 'fortran_log.csv'), size(values_of(folder, 'losses')), by, trim(data), pairs, rate(1))
      do step = 1, size(log%losses)
         batch = 1 + mod(step - 1, batches)
         call by%learn(batch, pairs)
         call note_step(log, 0, pairs, by%loss_of(batch))
      end do
      call write_log(log)
      call compare('losses', real(log%losses, real32))
      print '(a, f0.2, 3a)', 'images per second: ', pairs * log%steps / log%seconds(log%steps), '; ', log%path, &
         ' has the losses'
   end subroutine check_training

   !> Compare weights and biases, or what is made of them, with those expected.
   subroutine compare_both(i, expected, found)
      integer, intent(in) :: i
      character(*), intent(in) :: expected, found

      call compare(named(expected, 'weight', i), by%values(named(found, 'weight', i)))
      call compare(named(expected, 'bias', i), by%values(named(found, 'bias', i)))
   end subroutine compare_both

   !> Print how far values are from those expected, and remember when it is too far; nothing where there are none.
   subroutine compare(name, found)
      character(*), intent(in) :: name
      real(real32), intent(in) :: found(:)
      real(real32), allocatable :: expected(:)
      real(real64) :: scale, error

      if (size(found) == 0) return
      allocate (expected, source=values_of(folder, name))
      scale = maxval(abs(real(expected, real64)))
      if (.not. scale > 0) scale = 1
      error = huge(error)
      if (size(found) == size(expected)) then
         if (all(found == found)) error = maxval(abs(real(found, real64) - expected)) / scale  ! no NaN
      end if
      print '(a, t22, es10.2, a)', name, error, merge('          ', '  TOO FAR ', error <= by%tolerance)
      good = good .and. error <= by%tolerance
   end subroutine compare

end program check
